"""What `doctor` checks: tables of functions, each with one outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OK, WARNING, FAILURE = "ok", "warning", "failure"

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        status: ok, warning or failure.
        message: What is there.
        remedy: What to do, empty where all is well.
    """

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
    """It works, but."""
    return Outcome(WARNING, message, remedy)


def failure(message: str, remedy: str) -> Outcome:
    """It does not work."""
    return Outcome(FAILURE, message, remedy)


def examine(checks: Mapping[str, Callable[[Subject], Outcome]], subject: Subject) -> Iterator[Finding]:
    """Run a table of checks; an error of ours is a failure with its own hint.

    Args:
        checks: Name -> check.
        subject: What each check gets.

    Yields:
        One finding a check, as soon as it is there.
    """
    for name, check in checks.items():
        try:
            yield Finding(name, check(subject))
        except AgentcoreSandboxError as error:
            yield Finding(name, failure(error.message, error.hint))
