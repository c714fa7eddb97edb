"""What the Bash tool may be told while a skill runs: one plain call of `agentcore-sandbox`, locked, in the foreground.

What a locked call may say is judged by the command line itself, on what its parser has read.
"""

from __future__ import annotations

import os

from skill_guard.scanner import Refusal, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PROGRAM, LOCKED, ALLOW_FILE = "agentcore-sandbox", "--locked", "--allow-file"
BASH_INPUT = frozenset(("command", "description", "timeout"))


def check(given: Mapping[str, Any], folder: str, environment: Mapping[str, str]) -> bool:
    """Check what the Bash tool is told.

    Args:
        given: Its input.
        folder: The working directory of the call.
        environment: The variables of Claude Code.

    Returns:
        Whether the user has to agree first, to files of an unusual kind.

    Raises:
        Refusal: It is something else.
    """
    if given.get("run_in_background"):
        raise Refusal("run it in the foreground; for long work there is `agentcore-sandbox --locked job start`")
    if more := given.keys() - BASH_INPUT - {"run_in_background"}:
        raise Refusal(f"the Bash tool's {min(more)} is not allowed while this skill runs: leave it out")
    program, *words = scan(given["command"]).words or [""]
    _check_program(program, folder, environment)
    if words[:1] != [LOCKED]:
        raise Refusal(f"every call is locked while this skill runs, and says so first: {PROGRAM} {LOCKED} ...")
    if "mcp" in words:
        raise Refusal("a server's client could agree to files in the user's place: use the other commands")
    return any(word.partition("=")[0] == ALLOW_FILE for word in words)


def _check_program(program: str, folder: str, environment: Mapping[str, str]) -> None:
    """Take the two forms of the launcher that the skills show; the bare name must not be found in the project."""
    root = environment.get("CLAUDE_PLUGIN_ROOT")
    if root and os.path.normcase(program) == os.path.normcase(os.path.join(root, "bin", PROGRAM)):
        return
    if program != PROGRAM:
        raise Refusal(
            f"while this skill runs, the only command is {PROGRAM}, one plain call at a time. "
            f"Do the work in the sandbox: {PROGRAM} {LOCKED} run --cmd '...' for a shell command there"
        )
    project = os.path.join(os.path.realpath(environment.get("CLAUDE_PROJECT_DIR") or folder), "")
    suffixes = ("", ".exe") if os.name == "nt" else ("",)  # what Git Bash looks for
    places = environment.get("PATH", "").split(os.pathsep)
    for place, suffix in ((place, suffix) for place in places for suffix in suffixes):
        found = os.path.join(folder, place, PROGRAM + suffix)
        if os.path.lexists(found) and os.path.realpath(found).startswith(project):
            raise Refusal(f"{place!r} on PATH holds another {PROGRAM}, in the project: write the launcher's full path")
