"""What sessions cost at most: their time, as if all of their processors and memory were in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli.parser import positive_number
from agentcore_sandbox.cli.units import utc
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.settings import LOCAL_INTERPRETERS

if TYPE_CHECKING:
    import argparse

VCPUS, GIGABYTES = 2, 8
"""Of a session: docs/service.md, Limits."""
PRICES_OF = "2026-11"
"""When the default prices were told, by third parties: they are assumed."""


@dataclass(frozen=True)
class Prices:
    """US dollars for the hours that a session runs: by third parties, November 2026 (docs/service.md, Limits)."""

    vcpu_hour: float = 0.0895
    gigabyte_hour: float = 0.00945

    def as_json(self) -> dict[str, Any]:
        """The prices as `--json` shows them."""
        return {"vcpuHour": self.vcpu_hour, "gigabyteHour": self.gigabyte_hour, "defaultsOf": PRICES_OF}

    @property
    def session_second(self) -> float:
        """At most: all processors and all memory of a session in use."""
        return (VCPUS * self.vcpu_hour + GIGABYTES * self.gigabyte_hour) / 3600


def add_prices(parser: argparse._ActionsContainer) -> None:
    """Add the flags for other prices than the assumed ones."""
    for flag, what, price in (
        ("--vcpu-hour-price", "a vCPU", Prices.vcpu_hour),
        ("--gb-hour-price", "a gigabyte", Prices.gigabyte_hour),
    ):
        about = f"for an hour of {what}, for the cost (assumed: {price}, {PRICES_OF})"
        allow(parser.add_argument(flag, metavar="DOLLARS", type=positive_number, default=price, help=about))


def at_most(since: float, prices: Prices) -> dict[str, Any]:
    """The cost of the sessions on AWS that this user's command line has started on this machine.

    Args:
        since: In seconds since the epoch; what a session cost before is left out.
        prices: What is paid.

    Returns:
        `since`, `sessions`, `vcpuHours`, `gigabyteHours` and `costAtMost` in US dollars, `isComplete`, False where
        some sessions since then may not be written down any more, and `prices`.

    Raises:
        OSError: What is written down cannot be read.
        AgentcoreSandboxError: There is no state folder, or an unsafe one.
    """
    from agentcore_sandbox.activity import sessions

    ever = sessions.ever()
    known = [session for session in ever if session.started.interpreter not in LOCAL_INTERPRETERS]
    seconds = [max(0.0, session.end - max(session.started.at, since)) for session in known if session.end > since]
    hours = sum(seconds) / 3600
    return {
        "since": utc(since),
        "sessions": len(seconds),
        "vcpuHours": round(VCPUS * hours, 4),
        "gigabyteHours": round(GIGABYTES * hours, 4),
        "costAtMost": round(sum(seconds) * prices.session_second, 4),
        "isComplete": not sessions.LOG.has_rotated
        or min((session.started.at for session in ever), default=since) <= since,
        "prices": prices.as_json(),
    }
