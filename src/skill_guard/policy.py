"""What a call of `agentcore-sandbox` may say while a skill runs: which commands, which flags, which values.

The command line can reach the host by itself: it reads files and variables and talks to any endpoint with the user's
credentials. So every flag is listed with a check of its value, and what is not listed is refused.
"""

from __future__ import annotations

import os

from skill_guard.refusal import Refusal
from skill_guard.scanner import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from skill_guard.host_paths import HostPaths

    Check = Callable[["Context", str], None]
    Flags = Mapping[str, Check | None]

PROGRAM = "agentcore-sandbox"
CONFIGURED = {  # flag: where its value may be configured by the user
    "--interpreter-id": ("CUSTOM_AGENTCORE_INTERPRETER_ID", "CLAUDE_PLUGIN_OPTION_INTERPRETER_ID"),
    "--profile": ("CUSTOM_AGENTCORE_AWS_PROFILE", "CLAUDE_PLUGIN_OPTION_PROFILE", "AWS_PROFILE"),
    "--endpoint-url": ("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",),
}
JOB_ACTIONS = ("start", "list", "status", "logs", "wait", "stop", "rm")


class Context:
    """What a call is judged by.

    Args:
        folder: The working directory of the call.
        environment: The variables of Claude Code, with the plugin's options.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    @property
    def paths(self) -> HostPaths:
        """The files of the host. Most calls name none, and need not wait for the import of `re`."""
        from skill_guard.host_paths import HostPaths

        own = ("CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA", "CLAUDE_CONFIG_DIR")
        return HostPaths(self.folder, [self.environment[name] for name in own if self.environment.get(name)])

    @property
    def programs(self) -> tuple[str, ...]:
        """The two forms of the launcher that the skills show."""
        root = self.environment.get("CLAUDE_PLUGIN_ROOT")
        return (PROGRAM, os.path.join(root, "bin", PROGRAM)) if root else (PROGRAM,)


def is_flag(word: str) -> bool:
    """Whether agentcore_sandbox.cli takes a word for a flag; any other that begins with '-' is code."""
    name = word.partition("=")[0]
    letters = name[2:] if name.startswith("--") else name[1:]
    plain = letters.isascii() and letters.replace("-", "").isalnum()
    return name.startswith("-") and letters[:1].isalpha() and plain


def is_remote(word: str) -> bool:
    """Whether an operand of `cp` is `SESSION:path`."""
    session, colon, _ = word.partition(":")
    return bool(colon) and session.isascii() and session[:1].isalnum() and not set(session) & set("/\\ ")


def is_pattern(path: str) -> bool:
    """Whether a path of the sandbox stands for several, with names that the sandbox chooses."""
    return not set("*?[{").isdisjoint(path)


def anything(_: Context, __: str) -> None:
    """Take a value that reaches nothing but the sandbox."""


def configured(flag: str) -> Check:
    """Make the check of a flag whose value only the user may choose."""

    def check(context: Context, value: str) -> None:
        if value not in {context.environment.get(name) for name in CONFIGURED[flag]} - {None, ""}:
            raise Refusal(
                f"{flag} {value} is not what the user has configured: leave the flag out. If the user wants another "
                f"one, they set {CONFIGURED[flag][0]} and start Claude Code anew"
            )

    return check


def variable(_: Context, value: str) -> None:
    """Refuse `--env NAME`, which would copy the user's variable into the sandbox."""
    if "=" not in value:
        raise Refusal(f"--env {value} would copy the user's variable into the sandbox: write --env {value}=VALUE")


def readable(context: Context, value: str) -> None:
    """Check a file of the host that gets into the sandbox."""
    context.paths.check_readable(value)


def upload(context: Context, value: str) -> None:
    """Check `SRC[:DST]`; a name can hold colons, so each place could be where SRC ends."""
    parts = value.split(":")
    for length in range(1, len(parts) + 1):
        context.paths.check_readable(":".join(parts[:length]))


def download(context: Context, value: str) -> None:
    """Check `SRC[:DST]`; each colon could be the one before DST."""
    parts = value.split(":")
    if len(parts) == 1:
        arrival(context, value, ".")
    for length in range(1, len(parts)):
        arrival(context, ":".join(parts[:length]), ":".join(parts[length:]))


def arrival(context: Context, source: str, target: str) -> None:
    """Check where a file or folder of the sandbox arrives on the host."""
    into_folder = target.endswith("/") or context.paths.is_folder(target)
    name = os.path.basename(source.rstrip("/"))
    # Names that the sandbox chooses, behind a pattern or in a folder whose contents are meant, need a new folder.
    whole = is_pattern(source) or source.endswith("/") or not into_folder
    context.paths.check_writable(target if whole else os.path.join(target, name))


def artifacts(context: Context, value: str) -> None:
    """Check the folder for artifacts, whose names the sandbox chooses."""
    context.paths.check_subfolder(value)


def copies(context: Context, words: list[str]) -> None:
    """Check the operands of `cp`: the last is the target, `SESSION:path` lies in the sandbox, `-` is a stream."""
    *sources, target = words or [""]
    for word in words:
        if is_remote(word) and context.paths.exists(word):
            raise Refusal(f"{word!r} could be a file here or in a session: rename the file")
    for source in sources:
        if source != "-" and not is_remote(source):
            context.paths.check_readable(source)
        if target != "-" and not is_remote(target):
            arrival(context, source.partition(":")[2] or source, target)


def job_action(_: Context, words: list[str]) -> None:
    """Check the action of `job`."""
    if words and words[0] not in JOB_ACTIONS:
        raise Refusal(f"`job {words[0]}` is not for requests; there are {', '.join(JOB_ACTIONS)}")


COMMON: Flags = {"--json": None, "--help": None, "-h": None}
CONNECTION: Flags = {**COMMON, "--region": anything, **{flag: configured(flag) for flag in CONFIGURED}}
EXECUTION: Flags = {
    **CONNECTION,
    "--file": readable,
    "--lang": anything,
    "--cmd": None,
    "--runtime": anything,
    "--clear-context": None,
    "--env": variable,
    "--exec-timeout": anything,
    "--max-output": anything,
    "--session": anything,
    "--name": anything,
    "--timeout": anything,
    "--follow": None,
    "--upload": upload,
    "--download": download,
    "--artifacts": artifacts,
}
COMMANDS: dict[str, Flags] = {
    "run": EXECUTION,
    "exec": EXECUTION,
    "start": {**CONNECTION, "--timeout": anything, "--name": anything},
    "stop": CONNECTION,  # not --all: the sessions of others who use the interpreter
    "sessions": {**CONNECTION, "--all": None},
    "cp": CONNECTION,  # not --force: nothing is overwritten
    "ls": {**CONNECTION, "--recursive": None, "-r": None},
    "rm": {**CONNECTION, "--recursive": None, "-r": None},
    "job": {**EXECUTION, "-f": None},
    "doctor": {**CONNECTION, "--run": None},
    "help": COMMON,
}
OPERANDS: dict[str, Callable[[Context, list[str]], None]] = {"cp": copies, "job": job_action}
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
    if program not in context.programs:
        raise Refusal(
            "while this skill runs, the only command is agentcore-sandbox, one plain call at a time. "
            "Do the work in the sandbox: agentcore-sandbox run --cmd '...' for a shell command there"
        )
    if words in ([], ["--help"], ["-h"], ["--version"]):
        return
    name, *words = words
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise Refusal(f"{name!r} is not for requests; the commands are {known}, and the command comes first")
    operands = list(_operands(words, name, context))
    if name in OPERANDS:
        OPERANDS[name](context, operands)


def _operands(words: list[str], command: str, context: Context) -> Iterator[str]:
    """Check the flags, give back the rest; the same reading as the command line's own."""
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            yield from waiting
        elif is_flag(word):
            _check_flag(word, waiting, command, context)
        else:
            yield word


def _check_flag(word: str, waiting: Iterator[str], command: str, context: Context) -> None:
    flag, equals, value = word.partition("=")
    flags = COMMANDS[command]
    if flag not in flags:
        advice = WHY_NOT.get(flag, "code that begins with '-' goes into a heredoc")
        raise Refusal(f"`{command}` with {flag} is not for requests; {advice}")
    check_value = flags[flag]
    if check_value is None:
        return
    if not equals:
        value = next(waiting, "--")
        if value == "--" or is_flag(value):
            raise Refusal(f"{flag} needs a value")
    check_value(context, value)
