"""What `doctor` checks: tables of functions, each with one outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from agentcore_sandbox.errors import AgentcoreSandboxError, masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OK, WARNING, FAILURE = "ok", "warning", "failure"

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Outcome:
    """What a check found: a status (ok, warning, failure), a message, and what to do about it."""

    status: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """An outcome with the name of its check."""

    name: str
    outcome: Outcome


def ok(message: str) -> Outcome:
    """All is well."""
    return Outcome(OK, message)


def warning(message: str, remedy: str) -> Outcome:
    """It works, with a reservation."""
    return Outcome(WARNING, message, remedy)


def failure(message: str, remedy: str) -> Outcome:
    """It does not work."""
    return Outcome(FAILURE, message, remedy)


def examine(checks: Mapping[str, Callable[[Subject], Outcome]], subject: Subject) -> Iterator[Finding]:
    """Run checks, by name, on a subject; yields each finding at once. An error is a failure and ends no other check."""
    for name, check in checks.items():
        try:
            yield Finding(name, check(subject))
        except AgentcoreSandboxError as error:
            yield Finding(name, failure(error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the other checks may tell what
            message = masked(f"this check failed: {type(error).__name__}: {error}")
            yield Finding(name, failure(message, "please report it, with all that `doctor` prints"))
