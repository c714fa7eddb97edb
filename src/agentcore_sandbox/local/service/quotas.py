"""What the whole service allows, each figure with a variable of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {
    "sessions": "AGENTCORE_SANDBOX_LOCAL_MAX_SESSIONS",
    "invoke_seconds": "AGENTCORE_SANDBOX_LOCAL_MAX_INVOKE_SECONDS",
    "payload_bytes": "AGENTCORE_SANDBOX_LOCAL_MAX_PAYLOAD_BYTES",
}


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


def read(environ: Mapping[str, str]) -> Quotas:
    """Return the quotas that the environment sets.

    Raises:
        UsageError: A value is not a whole number from 1 to 999,999,999.
    """
    given = {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}
    return Quotas(**{name: _number(VARIABLES[name], text) for name, text in given.items()})


def _number(variable: str, text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise UsageError(
            f"{variable} must be a whole number above 0, not {text!r}", f"unset {variable} for AWS's figure"
        )
    return int(text)
