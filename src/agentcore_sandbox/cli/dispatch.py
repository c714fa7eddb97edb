"""Command table and dispatch. A call imports only what it needs: no parser, and no command until it is chosen."""

from __future__ import annotations

import importlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import __version__, activity
from agentcore_sandbox.cli.output import Output, Stream
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import EXIT_USAGE, AgentcoreSandboxError, ReaderGoneError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

    from agentcore_sandbox.cli.parser import Command, Parser

PROGRAM = "agentcore-sandbox"
COMMANDS = {
    "run": "execute code in a session of its own: start, execute, stop",
    "start": "start a session and print its id",
    "exec": "execute code in a session; variables and files persist",
    "stop": "stop sessions",
    "sessions": "list sessions",
    "cp": "copy files into or out of a session",
    "ls": "list a session's files",
    "rm": "remove a session's files",
    "save": "save a session's work folder in one file, for --from of run, exec and start",
    "map": "execute one program over many items, in many sessions at once",
    "maps": "maps that run in the background or have ended: list, status, results, wait, stop, rm",
    "job": "programs that run in the background: start, list, status, logs, wait, stop, rm",
    "history": "show what was executed, and what it has cost at most",
    "setup": "create role, interpreter and policies in an AWS account, or remove them",
    "interpreter": "the account's interpreters: create, list, show, tag, delete",
    "policy": "print IAM policies: trust, execution, caller",
    "template": "print a template that creates what setup creates: cloudformation",
    "doctor": "check this machine, the credentials and the interpreter",
    "local": "the emulator: serve, env, status, stop",
    "mcp": "serve the same operations to an agent as tools of a Model Context Protocol server",
    "completion": "print a shell's completion script: bash, zsh, fish",
    "help": "show the help of a command",
}
DESCRIPTION = """\
Run code in an Amazon Bedrock AgentCore Code Interpreter session (an isolated microVM with its
own IAM role), or with --interpreter-id local in a sandbox on this machine, without AWS.
"""
EPILOG = """\
examples:
  agentcore-sandbox run --interpreter-id local 'print(6 * 7)'
  agentcore-sandbox run --cmd 'uname -a'
  agentcore-sandbox run --file job.py --env MONTH=2026-11 --json
  agentcore-sandbox start --name work
  agentcore-sandbox exec work 'x = 1'

on any command:
  --json     print one JSON object
  --verbose  tell each request to AWS or the emulator on standard error
  --locked   refuse what reaches further than the sandbox and the files of the working directory

AGENTCORE_SANDBOX_LOCKED=1 and the file /etc/agentcore-sandbox/locked lock every call.

environment:
  CUSTOM_AGENTCORE_INTERPRETER_ID  stands in for --interpreter-id
  CUSTOM_AGENTCORE_AWS_PROFILE     stands in for --profile
  CUSTOM_AGENTCORE_AWS_REGION      stands in for --region; AWS's own variables come after these

exit status:
  2                   wrong usage
  124                 time limit reached
  125                 the tool or the service failed
  130, 143, 129, 141  ended by SIGINT, SIGTERM, SIGHUP, SIGPIPE
  any other           that of the program in the sandbox
"""
CONNECTION_FLAGS = ("--interpreter-id", "--profile", "--region", "--endpoint-url")
COMMON_FLAGS = (*CONNECTION_FLAGS, "--json", "--locked", "--verbose", "--help", "-h", "--version")
"""What may stand before the command."""


def main(words: Sequence[str], repair: Callable[[], list[str]] | None = None) -> int:
    """Run the command line; every expected failure ends here as one clear message.

    Args:
        words: The arguments, without the program's name.
        repair: See `agentcore_sandbox.__main__.main`.

    Returns:
        The exit status.
    """
    Output.answered = False
    Output.afterwards.clear()
    Stream.unfinished.clear()
    try:
        status = _dispatch(words)
        Output.say_afterwards(status)
    except AgentcoreSandboxError as error:
        return _report(error, words)
    except ReaderGoneError as gone:
        return gone.status
    except Interrupted as interrupted:
        return _report_interrupted(interrupted, words)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told like any other failure
        if repair and (names := repair()):
            return _report(_repaired(names), words)
        if os.environ.get("AGENTCORE_SANDBOX_DEBUG"):
            Output().say_traceback(error)
        return _report(_unforeseen(error), words)
    return status


def _unforeseen(error: Exception) -> AgentcoreSandboxError:
    """An error that nothing has explained: this machine's, or a fault of this program."""
    if isinstance(error, MemoryError):
        hint = "close other programs, or work with smaller files and outputs (--max-output, --download)"
        return AgentcoreSandboxError("OutOfMemory", "this machine has no memory left for this command", hint)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        hint = "check the disk, its permissions and the limits of this shell: ulimit -a"
        return AgentcoreSandboxError("OperatingSystem", f"{where}{error.strerror or error}", hint)
    hint = "this is a bug: please report it, with the traceback that AGENTCORE_SANDBOX_DEBUG=1 shows"
    return AgentcoreSandboxError("Internal", f"{type(error).__name__}: {error}", hint)


def _repaired(names: Sequence[str]) -> AgentcoreSandboxError:
    message = f"{len(names)} files of this program were missing or damaged, such as {names[0]}; they are whole again"
    return AgentcoreSandboxError("DamagedCopy", message, "run the command again; what it had started may have run")


def _wants_json(words: Sequence[str]) -> bool:
    return "--json" in words[: words.index("--") if "--" in words else None]


def _report_interrupted(interrupted: Interrupted, words: Sequence[str]) -> int:
    """Print the object that `--json` promises, unless it was printed before."""
    if _wants_json(words) and not Output.answered:
        error = AgentcoreSandboxError("Interrupted", f"interrupted by {interrupted.name}", interrupted.hint)
        with suppress(AgentcoreSandboxError, ReaderGoneError):  # the signal comes first
            Output(as_json=True).failure(error, **interrupted.outcome)
    return interrupted.status


def _report(error: AgentcoreSandboxError, words: Sequence[str]) -> int:
    try:
        Output(as_json=_wants_json(words)).failure(error)
    except AgentcoreSandboxError:
        Output().failure(error)
    except ReaderGoneError as gone:
        return gone.status
    return error.status


def _dispatch(words: Sequence[str]) -> int:
    command, rest = _split(words)
    if command in (None, "help"):
        rest = [word for word in rest if word not in ("--locked", "--verbose")]  # there is nothing to lock or to tell
        return _help(rest) if command else _top_level(rest)
    parser, run, rest = _load(command, rest)
    values = parser.parse(rest)
    activity.command = _command_of(parser)
    Output.is_verbose = values.pop("verbose")
    _lock(parser, values)
    _join_connection(values)
    if command == "completion":
        values["parser"] = whole_parser()
    return run(**values)


def _lock(parser: Parser, values: dict[str, Any]) -> None:
    """Judge a call that is locked; for `doctor`, `locked` stays among the values: what has locked it."""
    from agentcore_sandbox.policy import lock

    command = _command_of(parser)
    by, allowed_files = lock.locked_by(flag=values.pop("locked")), values.pop("allowed_files", ())
    if by:
        lock.Lock(allowed_files).apply(command, parser.arguments, values)
    if command == "doctor":
        values["locked"] = by


def _command_of(parser: Parser) -> str:
    """The command of a parser, such as `job start`."""
    return parser.prog.removeprefix(f"{PROGRAM} ")


def _join_connection(values: dict[str, Any]) -> None:
    """Put the connection flags, of a command that has them, into one value."""
    from agentcore_sandbox.settings import Flags

    given = {name: values.pop(name) for name in Flags._fields if name in values}
    if given:
        values["flags"] = Flags(**given)


def _split(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Find the command; flags that every command has may stand before it."""
    position = _first_operand(words)
    if position == len(words):
        return None, list(words)
    if words[position] not in COMMANDS:
        _check_flags(words[:position])
        raise _unknown_command(words[position])
    return words[position], [*words[:position], *words[position + 1 :]]


def _first_operand(words: Sequence[str]) -> int:
    """The position of the first word that is no flag, nor the value of one that every command has."""
    position = 0
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in CONNECTION_FLAGS else 1
    return min(position, len(words))


def _check_flags(words: Sequence[str]) -> None:
    """Refuse a flag that cannot stand before the command: what follows it may be meant as its value."""
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("-") and flag not in COMMON_FLAGS:
            from agentcore_sandbox.near import suggestion

            otherwise = "the options of a command follow its name; "
            advice = suggestion(flag, COMMON_FLAGS) or otherwise
            raise UsageError(f"unrecognized arguments: {flag}", f"{advice}see: {PROGRAM} --help")


def _unknown_command(word: str, family: str = "", known: Iterable[str] = COMMANDS) -> UsageError:
    """The error for a word that is no command, or none of a family; the hint names the near one, or all."""
    from agentcore_sandbox.near import suggestion

    known = list(known)
    shown = f"{family} {word}" if family else repr(word)
    advice = suggestion(word, known) or f"the commands are {', '.join(known)}; "
    return UsageError(f"no such command: {shown}", f"{advice}see: {' '.join([PROGRAM, *family.split()])} --help")


def _top_level(words: Sequence[str]) -> int:
    if words == ["--version"]:
        Output().line(f"{PROGRAM} {__version__}")
        return 0
    if words in (["--help"], ["-h"], []):
        from agentcore_sandbox.cli.help import fit, width

        Output().line(fit(_overview(), width()).rstrip())
        return 0 if words else EXIT_USAGE
    _check_flags(words)
    raise UsageError(f"no command among {' '.join(words)}", f"see: {PROGRAM} --help")


def _overview() -> str:
    usage = f"usage: {PROGRAM} [--help] [--version] COMMAND ...\n"
    return f"{usage}\n{DESCRIPTION}\n{_listing(COMMANDS)}\n\n{EPILOG}"


def _help(words: Sequence[str]) -> int:
    if not words or words[0] in ("help", "--help", "-h"):
        return _top_level(["--help"])
    if words[0] not in COMMANDS:
        raise _unknown_command(words[0])
    parser, _, left = _load(words[0], [*words[1:], "--help"])
    if left != ["--help"]:
        raise UsageError(f"no such command: {' '.join(words)!r}", f"see: {PROGRAM} help {words[0]}")
    parser.print_help()
    return 0


def _load(name: str, words: Sequence[str]) -> tuple[Parser, Callable[..., int], list[str]]:
    """The parser and the function of a command, or of the one of a family that `words` name, and the words left."""
    from agentcore_sandbox.cli.parser import Parser

    module = importlib.import_module(f"agentcore_sandbox.commands.{name}")
    if not hasattr(module, "SUBCOMMANDS"):
        return _parser(name, _command(module)), module.run, list(words)
    position = _subcommand(name, module.SUBCOMMANDS, words)
    if position is None:
        listing = _listing({name: _in_a_list(command.about) for name, command in module.SUBCOMMANDS.items()})
        group = Parser(prog=f"{PROGRAM} {name}", description=module.__doc__, epilog=listing)
        return group, _nothing, list(words)
    command = module.SUBCOMMANDS[words[position]]
    left = [*words[:position], *words[position + 1 :]]
    return _parser(f"{name} {words[position]}", command), command.run, left


def _nothing() -> int:
    """What a family does without a subcommand: its parser prints the help and ends the process."""
    return 0


def _command(module: ModuleType) -> Command:
    """The command of a module that is no family."""
    from agentcore_sandbox.cli.parser import Command

    more = {"advise": module.advise} if hasattr(module, "advise") else {}
    return Command(module.__doc__ or "", module.add_arguments, module.run, module.EXAMPLES, **more)


def _parser(name: str, command: Command) -> Parser:
    from agentcore_sandbox.cli.parser import Parser

    examples = "\n  ".join(("examples:", *command.examples))
    parser = Parser(prog=f"{PROGRAM} {name}", description=command.about, epilog=examples)
    command.add_arguments(parser)
    parser.advise = command.advise
    return parser


def whole_parser() -> Parser:
    """One parser with every command and subcommand below it, for what must see them all."""
    from agentcore_sandbox.cli.parser import Parser

    parser = Parser(prog=PROGRAM, description=DESCRIPTION)
    parser.add_argument("--version", action="store_true", help="show the version")
    below = parser.add_subparsers(metavar="COMMAND")
    for name, about in COMMANDS.items():
        if name != "help":
            module = importlib.import_module(f"agentcore_sandbox.commands.{name}")
            _add(below.add_parser(name, help=about, description=module.__doc__), module)
    below.add_parser("help", help=COMMANDS["help"]).add_argument("topic", choices=tuple(COMMANDS), help="a command")
    return parser


def _add(parser: Parser, module: ModuleType) -> None:
    if not hasattr(module, "SUBCOMMANDS"):
        module.add_arguments(parser)
        return
    below = parser.add_subparsers(metavar="COMMAND")
    for name, command in module.SUBCOMMANDS.items():
        command.add_arguments(below.add_parser(name, help=_in_a_list(command.about), description=command.about))


def _subcommand(name: str, subcommands: Mapping[str, Command], words: Sequence[str]) -> int | None:
    """The position of the subcommand; None where only the group's help is asked for."""
    position = _first_operand(words)
    if position < len(words) and words[position] in subcommands:
        return position
    if position == len(words) and {"--help", "-h"} & set(words):
        return None
    _check_flags(words[:position])
    if position < len(words):
        raise _unknown_command(words[position], name, subcommands)
    raise UsageError(
        f"{name} needs the name of a command",
        f"the commands are {', '.join(subcommands)}; see: {PROGRAM} {name} --help",
    )


def _in_a_list(about: str) -> str:
    """The text about a command as the commands of a list have theirs."""
    return about[0].lower() + about[1:].rstrip(".")


def _listing(commands: Mapping[str, str]) -> str:
    width = max(map(len, commands))
    return "commands:\n" + "\n".join(f"  {name:<{width}}  {about}" for name, about in commands.items())
