"""A parser for one command, with flags anywhere and errors that are raised; and the flags that commands share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from agentcore_sandbox.api import DEFAULT_LIFETIME, MAX_LIFETIME, MOUNT_FORM
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.near import suggestion
from agentcore_sandbox.policy import lock
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_END_OF_FLAGS = "--"
_PLACE_HOLDER = "\0"  # no argument of a process can hold it


class Command(NamedTuple):
    """A command, of a module or of a family in one module.

    Attributes:
        about: What `--help` says first.
        add_arguments: Declares the arguments.
        run: Takes each argument by name, the connection flags as one `settings.Flags`; returns the exit status.
        examples: Calls for the end of the help.
        advise: What a hint about too many operands begins with, by the first of them.
    """

    about: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[..., int]
    examples: tuple[str, ...]
    advise: Callable[[str], str] = lambda _: ""


class Parser(argparse.ArgumentParser):
    """A parser that takes flags anywhere, never guesses an abbreviation, and raises instead of leaving.

    Whatever it parses can be locked: see `policy.lock`, which also says how an argument declares what it may say then.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_of_any_width, **options)
        self._given: list[str] = []
        self.advise: Callable[[str], str] = lambda _: ""
        about = "refuse what reaches further than the sandbox and the files of the working directory"
        self.add_argument(lock.FLAG, action="store_true", help=about)
        about = "tell each request on standard error: operation, time, attempt, id"
        allow(self.add_argument("--verbose", action="store_true", help=about))

    @property
    def arguments(self) -> Sequence[argparse.Action]:
        """All that were declared."""
        return self._actions

    def error(self, message: str, advice: str = "") -> NoReturn:
        """Raise what is wrong as a usage error; `advice` is what its hint begins with."""
        raise UsageError(message, f"{advice}see: {self.prog} --help")

    def _refuse_flag(self, flag: str) -> NoReturn:
        otherwise = "code that looks like a flag goes after --; " if self._takes_code else ""
        self.error(f"unrecognized arguments: {flag}", suggestion(flag, self._option_string_actions) or otherwise)

    @property
    def _takes_code(self) -> bool:
        return any(action.dest == "code" for action in self._actions)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is no choice, in the same words on every Python."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            name = "/".join(action.option_strings) or action.dest
            message = f"argument {name}: invalid choice: {value!r} (choose from {', '.join(choices)})"
            self.error(message, suggestion(str(value), choices))

    def print_help(self, _file: object = None) -> None:
        """Print the help as all output is printed, so that a full disk or a closed pipe is handled in the same way."""
        from agentcore_sandbox.cli.help import Formatter

        self.formatter_class = Formatter
        Output().line(self.format_help().rstrip())

    def parse(self, given: Sequence[str]) -> dict[str, Any]:
        """Parse flags before, between and after the operands; values and operands arrive unchanged.

        What argparse takes for a flag, and what it makes of `--`, differs from one Python to the next. So it gets
        place-holders instead of values and operands, and all flags first.
        """
        flags: list[str] = []
        operands: list[str] = []
        for flag, value in read(given, self._takes_value, self._separated):
            if flag:
                flags.append(self._flag(flag, value))
            else:
                operands.append(self._hide(value or ""))
        parsed, extras = self.parse_known_args([*flags, *operands])
        if extras:
            otherwise = "the code is one argument: quote it; " if self._takes_code else ""
            words = " ".join(map(self._reveal, extras))
            self.error(f"unrecognized arguments: {words}", self.advise(self._reveal(operands[0])) or otherwise)
        return vars(parsed)

    def _takes_value(self, flag: str) -> bool:
        if flag not in self._option_string_actions:
            self._refuse_flag(flag)
        return self._option_string_actions[flag].nargs != 0

    def _separated(self, word: str) -> list[str]:
        """The short flags that are joined in a word, such as `-rf`; only the word itself where it is none of those."""
        letters = [f"-{letter}" for letter in word[1:]]
        is_joined = word not in self._option_string_actions and all(map(self._option_string_actions.get, letters))
        return letters if is_joined else [word]

    def _flag(self, flag: str, value: str | None) -> str:
        if self._takes_value(flag) == (value is None):
            self.error(f"argument {flag}: expected {'one argument' if value is None else 'no value'}")
        return flag if value is None else f"{flag}={self._hide(value)}"

    def _hide(self, word: str) -> str:
        self._given.append(word)
        return f"{_PLACE_HOLDER}{len(self._given) - 1}"

    def _reveal(self, text: str) -> str:
        return self._given[int(text[1:])] if text.startswith(_PLACE_HOLDER) else text

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        return super()._get_value(action, self._reveal(arg_string))


def is_flag(word: str) -> bool:
    """Whether a word is a flag, perhaps with `=VALUE`. Any other that begins with `-` is an operand, such as code."""
    return re.fullmatch(r"--?[A-Za-z][A-Za-z0-9-]*(=.*)?", word, re.DOTALL) is not None


def read(
    words: Sequence[str],
    takes_value: Callable[[str], bool],
    separated: Callable[[str], list[str]] = lambda flag: [flag],
) -> Iterator[tuple[str, str | None]]:
    """Tell flags, wherever they stand, from operands.

    Args:
        words: What follows the name of the command.
        takes_value: Of a flag, whether a value follows it; may raise what refuses the flag.
        separated: Of a flag, those that are joined in it.

    Yields:
        A flag and its value, None where none is given, whether it takes one or not; or an empty text and an operand.
    """
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == _END_OF_FLAGS:
            yield from (("", operand) for operand in words[position:])
            return
        if not is_flag(word):
            yield "", word
            continue
        joined, equals, value = word.partition("=")
        *switches, flag = separated(joined)
        yield from ((switch, None) for switch in switches)
        if takes_value(flag) and not equals and position < len(words) and _is_value(words[position]):
            equals, value = "=", words[position]
            position += 1
        yield flag, value if equals else None


def _is_value(word: str) -> bool:
    return word != _END_OF_FLAGS and not is_flag(word)


def _of_any_width(prog: str) -> argparse.HelpFormatter:
    """What argparse looks at each new argument with; asking for the terminal's width would import `shutil`."""
    return argparse.RawDescriptionHelpFormatter(prog, width=80)


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where to run, and `--json`."""
    group = parser.add_argument_group("where to run")
    about = "id, ARN or name of the code interpreter; 'local' and 'local-public' (with network) need no AWS account"
    allow(group.add_argument("--interpreter-id", metavar="ID", help=about), lock.interpreter)
    _add_account(group)
    endpoint = group.add_argument("--endpoint-url", metavar="URL", help="endpoint to use instead of AWS's")
    allow(endpoint, lock.configured("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"))
    add_json(parser)


def add_account(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which account and region, and `--json`."""
    _add_account(parser.add_argument_group("which account"))
    add_json(parser)


def _add_account(group: argparse._ArgumentGroup) -> None:
    profile = group.add_argument("--profile", metavar="NAME", help="AWS profile")
    allow(profile, lock.configured("CUSTOM_AGENTCORE_AWS_PROFILE", "AWS_PROFILE"))
    allow(group.add_argument("--region", metavar="NAME", help="AWS region"))


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    allow(parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object on stdout"))


def add_lifetime(parser: argparse.ArgumentParser, default: int | None = DEFAULT_LIFETIME) -> None:
    """Add `--timeout`, the lifetime of a session that the command starts; no default stands for its predecessor's."""
    usual = default or f"{DEFAULT_LIFETIME}, or that of the session whose place it takes"
    about = f"seconds until the session ends, busy or not, 1-{MAX_LIFETIME} (default {usual})"
    allow(
        parser.add_argument("--timeout", metavar="SECONDS", type=lifetime, default=default, dest="lifetime", help=about)
    )


def add_attachments(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add `--mount` and `--certificate`, which `aws.attachments.read` reads; `whose` begins their help."""
    add_mounts(parser, whose)
    add_certificates(parser, whose)


def add_mounts(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add `--mount` alone."""
    about = "an access point of S3 Files, or of EFS with its file system, at a folder below /mnt/; repeatable"
    _add_attachment(parser, "--mount", MOUNT_FORM, f"{whose}: {about}")


def add_certificates(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add `--certificate` alone."""
    about = "a secret of Secrets Manager with the certificate of an authority that it trusts; repeatable"
    _add_attachment(parser, "--certificate", "ARN", f"{whose}: {about}")


def _add_attachment(parser: argparse.ArgumentParser, flag: str, metavar: str, about: str) -> None:
    dest = f"{flag.removeprefix('--')}s"
    action = parser.add_argument(flag, metavar=metavar, action="append", default=[], dest=dest, help=about)
    lock.refuse(action, "leave it out: who owns the interpreter gives it to all sessions, with `interpreter create`")


def add_archive(parser: argparse.ArgumentParser) -> None:
    """Add `--from`, the archive that a session gets."""
    about = "unpack an archive that `save` has made (tar.gz) in the session's work folder first"
    allow(parser.add_argument("--from", metavar="ARCHIVE", type=archive_path, dest="archive", help=about), lock.archive)


def add_no_hidden(parser: argparse.ArgumentParser) -> None:
    """Add the flag that keeps what programs act upon unseen (.git/hooks, CLAUDE.md, run bits) out of a download."""
    about = "out of the session, copy no hidden files and none such as CLAUDE.md or Makefile, and make none executable"
    allow(parser.add_argument("--no-hidden", action="store_false", dest="hidden", help=about), lock.off)


def add_allow_file(parser: argparse.ArgumentParser) -> None:
    """Add the flag by which the user agrees to a file; whoever locks a call can have the user asked about it."""
    about = "when locked: copy this file in, though its kind is unusual; repeatable"
    parser.add_argument("--allow-file", action="append", default=[], dest="allowed_files", metavar="PATH", help=about)


def add_force(parser: argparse.ArgumentParser, about: str, *short: str) -> None:
    """Add the flag by which files are replaced."""
    action = parser.add_argument("--force", *short, action="store_true", help=about)
    lock.refuse(action, "nothing of the user's is overwritten: choose another name")


def add_raw(parser: argparse.ArgumentParser) -> None:
    """Add the flag by which a terminal gets the output as it is."""
    action = parser.add_argument("--raw", action="store_true", help="pass control sequences to a terminal unchanged")
    lock.refuse(action, "leave it out: the output is the same here")


def add_recursive(parser: argparse.ArgumentParser, about: str) -> None:
    """Add `--recursive`."""
    allow(parser.add_argument("--recursive", "-r", "-R", action="store_true", help=about))


class _Accepted(argparse.Action):
    """A flag without a value that leaves nothing among the parsed ones."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002 - argparse's name
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, *_: object) -> None:
        """Do nothing."""


def accept(parser: argparse.ArgumentParser, *flags: str, about: str) -> None:
    """Take flags that people are used to giving for what is done anyway; `ls -h` asks for no help."""
    group = parser.add_argument_group("accepted out of habit", conflict_handler="resolve")
    allow(group.add_argument(*flags, action=_Accepted, help=about))


def lifetime(text: str) -> int:
    """Read a session's lifetime in seconds."""
    seconds = _number(text)
    if not 1 <= seconds <= MAX_LIFETIME or seconds != int(seconds):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds from 1 to {MAX_LIFETIME}")
    return int(seconds)


def positive_seconds(text: str) -> float:
    """Read a time limit in seconds, fractions allowed."""
    seconds = _number(text)
    if not 0 < seconds <= MAX_LIFETIME:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to {MAX_LIFETIME}")
    return seconds


def positive_number(text: str) -> float:
    """Read a number above 0, such as a price."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:  # noqa: PLR2004 - and no NaN
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def time_span(text: str) -> float:
    """Read a time such as 90s, 45m, 2h, 7d or 1w in seconds."""
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 45m, 2h or 7d")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800}[found[2]]


def archive_path(text: str) -> Path:
    """Read the path of an archive, which is checked as a whole before anything is done with it: no stream."""
    if text == "-":
        raise argparse.ArgumentTypeError("an archive is a file, not a standard stream; ./- is one of that name")
    return Path(text)


def byte_count(text: str) -> int:
    """Read a number of bytes, at least 1."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,17}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of bytes from 1")
    return int(text)


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else -1.0
