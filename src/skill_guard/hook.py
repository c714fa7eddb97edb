"""The hook: reads an event from standard input, answers on standard output."""

from __future__ import annotations

import faulthandler
import os
import sys

from skill_guard.bash_calls import ALLOW_FILE, check
from skill_guard.guarded_prompts import CLI, TOOLS, GuardedSession, forget_old
from skill_guard.scanner import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BLOCK = 2  # the exit status by which a hook stops what it was asked about; any other failure would let it go on
DEADLINE = 20  # seconds for a decision; hooks.json allows 60, and the client lets the call of a later hook go
# Tools that a guarded turn may use: they show, ask, or keep Claude's own lists. Whatever else a client has is denied.
EVERY_KIND = frozenset(
    (
        *("AskUserQuestion", "CronList", "Glob", "Grep", "Read", "ReportFindings", "TodoWrite", "ToolSearch"),
        *("TaskCreate", "TaskGet", "TaskList", "TaskUpdate", "TaskOutput", "TaskStop"),
    )
)
SERVER = "mcp__plugin_aws-bedrock-agentcore-codeinterpreter_sbx__"
OF_A_KIND = {
    CLI: frozenset(("Bash",)),
    TOOLS: frozenset(
        SERVER + name for name in ("run_code", "put_files", "get_files", "sessions", "stop", "job_start", "job_read")
    ),
}
INSTEAD = {CLI: "use the Bash tool, for agentcore-sandbox only", TOOLS: "use the sandbox's tools, such as run_code"}


def arm(event: Mapping[str, Any], data: str) -> None:
    """A skill of this plugin begins (`UserPromptExpansion`); tell Claude where its code will run."""
    from skill_guard.settings import place

    kind = CLI if event["command_name"].endswith("-cli") else TOOLS
    GuardedSession(data, event.get("session_id")).arm(event.get("prompt_id"), kind)
    answer("UserPromptExpansion", additionalContext=place(os.environ))


def note_prompt(event: Mapping[str, Any], data: str) -> None:
    """A prompt begins (`UserPromptSubmit`); those that nobody has typed, of ended background work, are in tags."""
    if not event["prompt"].lstrip().startswith("<"):
        GuardedSession(data, event.get("session_id")).note_typed(event.get("prompt_id"))


def judge(event: Mapping[str, Any], data: str) -> None:
    """Claude wants to use a tool (`PreToolUse`)."""
    kinds = GuardedSession(data, event.get("session_id")).kinds(event.get("prompt_id"))
    if not kinds:
        return
    tool = event["tool_name"]
    if tool not in EVERY_KIND.union(*(OF_A_KIND[kind] for kind in kinds)):
        instead = ", or ".join(INSTEAD[kind] for kind in sorted(kinds))
        raise Refusal(
            f"{tool} is not allowed while this skill runs: {instead}. "
            "It is free again in the next prompt that the user types, if that does not begin with '<'"
        )
    if tool != "Bash":
        return
    if check(event["tool_input"], event["cwd"], os.environ):
        reason = f"agentcore-sandbox would copy files of an unusual kind into the sandbox: see {ALLOW_FILE}"
        answer("PreToolUse", permissionDecision="ask", permissionDecisionReason=reason)
    else:
        reason = "one plain call of agentcore-sandbox, locked"
        answer("PreToolUse", permissionDecision="allow", permissionDecisionReason=reason)


def begin(_: Mapping[str, Any], data: str) -> None:
    """A session of Claude Code begins (`SessionStart`)."""
    forget_old(data)


EVENTS = {"UserPromptExpansion": arm, "UserPromptSubmit": note_prompt, "PreToolUse": judge, "SessionStart": begin}


def answer(event_name: str, **what: str) -> None:
    """Write what Claude Code shall take from a hook: JSON, by the core of `json` in C as in `read_json`."""
    try:
        from _json import encode_basestring_ascii as quoted
    except ImportError:
        from json import dumps as quoted
    told = {"hookEventName": event_name, **what}
    members = ",".join(f"{quoted(name)}:{quoted(value)}" for name, value in told.items())
    sys.stdout.write(f'{{"hookSpecificOutput":{{{members}}}}}')


class _DecoderOptions:
    """What the core of `json` asks a decoder for: the values of `json.JSONDecoder()`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the core keeps its keys there


def read_json(data: bytes) -> Any:
    """The value of a JSON text, by the core of `json` in C: `json` itself imports `re`, which takes longest.

    Raises:
        ValueError: It is no JSON text in UTF-8.
    """
    text = data.decode("utf-8").strip(" \t\n\r")
    try:
        from _json import make_scanner

        value, end = make_scanner(_DecoderOptions)(text, 0)  # type: ignore[arg-type]  # anything with these attributes
    except (ImportError, AttributeError, TypeError, StopIteration):
        import json

        return json.loads(text)
    if end != len(text):
        raise ValueError("something follows the JSON text")
    return value


def main(event_name: str) -> int:
    """Handle one event. One that takes too long ends the process, with a status that `hooks/guard` makes a refusal.

    Args:
        event_name: What hooks.json calls it.

    Returns:
        The exit status for Claude Code.
    """
    faulthandler.dump_traceback_later(DEADLINE, exit=True, file=os.open(os.devnull, os.O_WRONLY))
    try:
        event = read_json(sys.stdin.buffer.read())
        EVENTS[event_name](event, os.environ["CLAUDE_PLUGIN_DATA"])
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
