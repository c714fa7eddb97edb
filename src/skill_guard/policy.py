"""What a call of `agentcore-sandbox` may say while a skill runs: which commands, which flags, which values.

The command line can reach the host by itself: it reads files and variables and talks to any endpoint with the user's
credentials. So every flag is listed with a check of its value, and what is not listed is refused.
"""

from __future__ import annotations

import os

from agentcore_sandbox.cli.words import read
from skill_guard import flag_checks
from skill_guard.flag_checks import CONFIGURED, Context
from skill_guard.refusal import Refusal
from skill_guard.scanner import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Flags = Mapping[str, flag_checks.Check | None]  # None: a flag without a value

PROGRAM = "agentcore-sandbox"
NO_HIDDEN = "--no-hidden"

CONNECTION: Flags = {
    "--json": None,
    "--help": None,
    "-h": None,
    "--region": flag_checks.region,
    **{flag: flag_checks.configured(flag) for flag in CONFIGURED},
}
CODE: Flags = {
    **CONNECTION,
    "--file": flag_checks.program,
    "--lang": flag_checks.anything,
    "--cmd": None,
    "--runtime": flag_checks.anything,
    "--env": flag_checks.variable,
    "--timeout": flag_checks.anything,
}
EXECUTION: Flags = {
    **CODE,
    "--clear-context": None,
    "--exec-timeout": flag_checks.anything,
    "--max-output": flag_checks.anything,
    "--follow": None,
    "--upload": flag_checks.upload,
    "--download": flag_checks.download,
    NO_HIDDEN: None,
    "--artifacts": flag_checks.artifacts,
}
COMMANDS: dict[str, Flags] = {
    "run": {**EXECUTION, "--session": flag_checks.anything},
    "exec": EXECUTION,
    "start": {**CONNECTION, "--timeout": flag_checks.anything, "--name": flag_checks.anything},
    "stop": CONNECTION,
    "sessions": {**CONNECTION, "--all": None},
    "cp": {**CONNECTION, "--timeout": flag_checks.anything, NO_HIDDEN: None},
    "ls": {**CONNECTION, "--recursive": None, "-r": None},
    "rm": {**CONNECTION, "--recursive": None, "-r": None},
    "job start": {**CODE, "--session": flag_checks.anything},
    "job list": {"--json": None, "--help": None, "-h": None},
    "job logs": {**CONNECTION, "--follow": None, "-f": None},
    "job status": CONNECTION,
    "job wait": CONNECTION,
    "job stop": CONNECTION,
    "job rm": CONNECTION,
    "doctor": {**CONNECTION, "--run": None},
    "help": {"--help": None, "-h": None},
}
WHY_NOT = {
    "--raw": "leave it out: the output is the same here",
    "--force": "nothing of the user's is overwritten: choose another name",
    "--all": "name the sessions: others may use the same interpreter",
}


def check(command: str, context: Context) -> None:
    """Check a shell command.

    Args:
        command: All of it.
        context: What it is judged by.

    Raises:
        Refusal: It is not one plain call of `agentcore-sandbox` with allowed flags, values and paths.
    """
    program, *words = scan(command).words or [""]
    if program not in _launchers(context):
        raise Refusal(
            "while this skill runs, the only command is agentcore-sandbox, one plain call at a time. "
            "Do the work in the sandbox: agentcore-sandbox run --cmd '...' for a shell command there"
        )
    if words not in ([], ["--help"], ["-h"], ["--version"]):
        name, rest = _command(words)
        _check_words(name, rest, context)


def _launchers(context: Context) -> tuple[str, ...]:
    """The two forms of the launcher that the skills show."""
    root = context.environment.get("CLAUDE_PLUGIN_ROOT")
    return (PROGRAM, os.path.join(root, "bin", PROGRAM)) if root else (PROGRAM,)


def _command(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    length = 2 if words[0] == "job" else 1
    name = " ".join(words[:length])
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise Refusal(
            f"{name!r} is not allowed while a skill runs; the commands are {known}, and the command comes first"
        )
    return name, words[length:]


def _check_words(name: str, words: Sequence[str], context: Context) -> None:
    flags, operands = _read(name, words, context)
    arrives = "--download" in flags or (name == "cp" and flag_checks.copied(context, operands))
    if arrives and NO_HIDDEN not in flags:
        raise Refusal(f"add {NO_HIDDEN}: no hidden file of the sandbox may get on this machine")


def _read(name: str, words: Sequence[str], context: Context) -> tuple[set[str], list[str]]:
    """Tell flags from operands as the command line does, and check each flag."""
    flags: set[str] = set()
    operands: list[str] = []
    for flag, value in read(words, lambda flag: _needs_value(name, flag)):
        if flag:
            flags.add(flag)
            _check_value(name, flag, value, context)
        else:
            operands.append(value or "")
    return flags, operands


def _needs_value(command: str, flag: str) -> bool:
    if flag not in COMMANDS[command]:
        advice = WHY_NOT.get(flag, "code that begins with '-' goes into a heredoc")
        raise Refusal(f"`{command}` with {flag} is not allowed while a skill runs; {advice}")
    return COMMANDS[command][flag] is not None


def _check_value(command: str, flag: str, value: str | None, context: Context) -> None:
    check_value = COMMANDS[command][flag]
    if check_value and value is None:
        raise Refusal(f"{flag} needs a value")
    if check_value and value is not None:
        check_value(context, value)
