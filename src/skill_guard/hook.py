"""The hook: reads an event from standard input, answers on standard output."""

from __future__ import annotations

import os
import sys

from skill_guard.event import read_json
from skill_guard.flag_checks import Context
from skill_guard.guarded_prompts import Marks
from skill_guard.policy import check
from skill_guard.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BLOCK = 2  # the exit status by which a hook stops what it was asked about; any other failure would let it go on


def arm(event: Mapping[str, Any], marks: Marks) -> None:
    """A skill of this plugin begins (`UserPromptExpansion`); tell Claude where its code will run."""
    from skill_guard.settings import place

    marks.add(event.get("session_id"), event.get("prompt_id"))
    answer("UserPromptExpansion", additionalContext=place(os.environ))


def judge(event: Mapping[str, Any], marks: Marks) -> None:
    """Claude wants to run a shell command (`PreToolUse`)."""
    if not marks.has(event.get("session_id"), event.get("prompt_id")):
        return
    if event.get("tool_name") not in ("Bash", "Monitor"):
        raise Refusal("while this skill runs, use the Bash tool, for agentcore-sandbox only")
    command, folder = event["tool_input"]["command"], event["cwd"]
    check(command, Context(folder, os.environ))


def begin(_: Mapping[str, Any], marks: Marks) -> None:
    """A session of Claude Code begins (`SessionStart`)."""
    from skill_guard.settings import export_lines

    marks.remove_old()
    lines = export_lines(os.environ)
    if lines and os.environ.get("CLAUDE_ENV_FILE"):
        with open(os.environ["CLAUDE_ENV_FILE"], "a", encoding="utf-8") as file:
            file.write(lines)


def end(event: Mapping[str, Any], marks: Marks) -> None:
    """A session of Claude Code ends (`SessionEnd`)."""
    marks.remove(event.get("session_id"))


EVENTS = {"UserPromptExpansion": arm, "PreToolUse": judge, "SessionStart": begin, "SessionEnd": end}


def answer(event_name: str, **what: str) -> None:
    """Write what Claude Code shall take from a hook."""
    import json

    sys.stdout.write(json.dumps({"hookSpecificOutput": {"hookEventName": event_name, **what}}))


def main(event_name: str) -> int:
    """Handle one event.

    Args:
        event_name: What hooks.json calls it.

    Returns:
        The exit status for Claude Code.
    """
    try:
        event = read_json(sys.stdin.buffer.read())
        EVENTS[event_name](event, Marks(os.environ["CLAUDE_PLUGIN_DATA"]))
    except Refusal as refusal:
        reason = f"agentcore-sandbox guard: {refusal}"
    except Exception as error:  # noqa: BLE001 - what the guard cannot judge is refused
        reason = f"agentcore-sandbox guard: this call cannot be judged ({type(error).__name__}: {error})"
    else:
        return 0
    if event_name != "PreToolUse":
        sys.stderr.write(reason)
        return BLOCK
    answer("PreToolUse", permissionDecision="deny", permissionDecisionReason=reason)
    return 0
