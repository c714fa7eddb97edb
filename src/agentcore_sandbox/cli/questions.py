"""Questions on the terminal, before what cannot be undone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    from agentcore_sandbox.cli.output import Output


def can_be_asked() -> bool:
    """Whether standard input is a terminal, so that somebody can answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(output: Output, question: str, *, yes: bool) -> None:
    """Ask on the terminal before a change, unless `yes` is given.

    Raises:
        UsageError: There is no terminal.
        AgentcoreSandboxError: `Declined`.
    """
    if yes:
        return
    if not can_be_asked():
        raise UsageError("there is no terminal to ask for confirmation", "check what would happen, then add --yes")
    output.say(f"{question}? Type yes to continue")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise AgentcoreSandboxError("Declined", "nothing was changed")
