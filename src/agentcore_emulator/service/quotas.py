"""What the whole service allows; `limits.read` says how the environment sets it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quotas:
    """The limits on requests; the defaults are AWS's documented ones.

    Args:
        sessions: READY at once.
        invoke_seconds: One synchronous invoke.
        payload_bytes: The body of one request.
    """

    sessions: int = 1000
    invoke_seconds: int = 900
    payload_bytes: int = 100_000_000
