"""What a call of `agentcore-sandbox` may say while a skill runs: which commands, which flags, which values.

The command line can reach the host by itself: it reads files and variables and talks to any endpoint with the user's
credentials. So every flag is listed with a check of its value, and what is not listed is refused.
"""

from __future__ import annotations

import os

from agentcore_sandbox.cli.argv import read
from skill_guard import flag_checks
from skill_guard.flag_checks import CONFIGURED, HookContext
from skill_guard.scanner import Refusal, scan

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
    "job logs": {**CONNECTION, "--follow": None, "-f": None},
    "job status": CONNECTION,
    "job wait": CONNECTION,
    "job stop": CONNECTION,
    "job rm": CONNECTION,
    "doctor": {**CONNECTION, "--run": None},
    "help": {"--help": None, "-h": None},
}
OF_A_JOB = frozenset(("job logs", "job status", "job wait", "job stop", "job rm"))
"""Commands that by themselves go where the job's record says."""
WHY_NOT = {
    "--raw": "leave it out: the output is the same here",
    "--force": "nothing of the user's is overwritten: choose another name",
    "--all": "name the sessions: others may use the same interpreter",
}


def check(command: str, context: HookContext) -> None:
    """Check a shell command.

    Args:
        command: All of it.
        context: What it is judged by.

    Raises:
        Refusal: It is not one plain call of `agentcore-sandbox` with allowed flags, values and paths.
    """
    program, *words = scan(command).words or [""]
    _check_program(program, context)
    if words not in ([], ["--help"], ["-h"], ["--version"]):
        name, rest = _command(words)
        _check_words(name, rest, context)


def _check_program(program: str, context: HookContext) -> None:
    """Take the two forms of the launcher that the skills show; the bare name must not be found in the project."""
    root = context.environment.get("CLAUDE_PLUGIN_ROOT")
    if root and program == os.path.join(root, "bin", PROGRAM):
        return
    if program != PROGRAM:
        raise Refusal(
            "while this skill runs, the only command is agentcore-sandbox, one plain call at a time. "
            "Do the work in the sandbox: agentcore-sandbox run --cmd '...' for a shell command there"
        )
    project = os.path.join(os.path.realpath(context.environment.get("CLAUDE_PROJECT_DIR") or context.folder), "")
    for folder in context.environment.get("PATH", "").split(os.pathsep):
        found = os.path.join(context.folder, folder, PROGRAM)
        if os.path.lexists(found) and os.path.realpath(found).startswith(project):
            raise Refusal(f"{folder!r} on PATH holds another {PROGRAM}, in the project: write the launcher's full path")


def _command(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    length = 2 if words[0] == "job" else 1
    name = " ".join(words[:length])
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise Refusal(
            f"{name!r} is not allowed while a skill runs; the commands are {known}, and the command comes first"
        )
    return name, words[length:]


def _check_words(name: str, words: Sequence[str], context: HookContext) -> None:
    flags, operands = _read(name, words, context)
    if name in OF_A_JOB and "--interpreter-id" not in flags:
        where = context.configured("--interpreter-id") or "ID"
        raise Refusal(
            f"add --interpreter-id {where}: without it a job is looked for where it was started, wherever that is"
        )
    arrives = "--download" in flags or (name == "cp" and flag_checks.copied(context, operands))
    if arrives and NO_HIDDEN not in flags:
        raise Refusal(
            f"add {NO_HIDDEN}: nothing hidden, and nothing executable, may get from the sandbox on this machine"
        )


def _read(name: str, words: Sequence[str], context: HookContext) -> tuple[set[str], list[str]]:
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
        raise Refusal(f"`{command}` with {flag} is not allowed while a skill runs: {advice}")
    return COMMANDS[command][flag] is not None


def _check_value(command: str, flag: str, value: str | None, context: HookContext) -> None:
    check_value = COMMANDS[command][flag]
    if check_value and value is None:
        raise Refusal(f"{flag} needs a value")
    if check_value and value is not None:
        check_value(context, value)
