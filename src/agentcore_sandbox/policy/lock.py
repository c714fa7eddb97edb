"""The locked command line: what each argument of a call may say, judged as the parser has read it.

An argument's rule stands where the argument is declared: `allow(parser.add_argument(...), rule)`. One without a rule is
refused, and so is a command that is not listed here.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import NotAllowedError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from agentcore_sandbox.policy.host_files import HostFiles

    Rule = Callable[["Lock", Any], Any]  # takes a parsed value, gives the value that holds, or raises NotAllowedError

FLAG = "--locked"
VARIABLE = "AGENTCORE_SANDBOX_LOCKED"
INTERPRETER = "CUSTOM_AGENTCORE_INTERPRETER_ID"
COMMANDS = (
    *("run", "exec", "start", "stop", "sessions", "cp", "ls", "rm", "save", "doctor"),
    *("mcp", "job start", "job status", "job logs", "job wait", "job stop", "job rm"),
    *("map", "maps list", "maps status", "maps results", "maps wait", "maps stop", "maps rm"),
)
"""The others change an account or this machine, print keys, or go wherever a record says."""


def lock_files() -> list[str]:
    """The files that lock the command line, the machine's and the user's: no variable says where they are."""
    if sys.platform == "win32":
        return [r"C:\ProgramData\agentcore-sandbox\locked"]
    import pwd

    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a user whom nobody knows, as in a container
        return ["/etc/agentcore-sandbox/locked"]
    return ["/etc/agentcore-sandbox/locked", os.path.join(home, ".config/agentcore-sandbox/locked")]


def locked_by(*, flag: bool) -> str:
    """What has locked the command line: a file, the variable or the flag; empty where nothing has."""
    for path in lock_files():
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # whatever cannot be seen may be there
            pass
        return path
    return VARIABLE if os.environ.get(VARIABLE) else FLAG if flag else ""


def allow(action: argparse.Action, rule: Rule | None = None) -> None:
    """Let an argument be used in a locked call, with any value or by a rule."""
    action.when_locked = rule or anything  # type: ignore[attr-defined]


def refuse(action: argparse.Action, advice: str) -> None:
    """Say what to do in a locked call instead of using an argument."""
    action.advice = advice  # type: ignore[attr-defined]


class Lock:
    """What the arguments of one locked call are judged by.

    Args:
        allowed_files: Files of unusual kinds that the user has agreed to copy.

    Attributes:
        plugin: The folder of the plugin that this program is a part of; empty for none.
    """

    def __init__(self, allowed_files: Sequence[str] = ()) -> None:
        self._allowed = {os.path.normpath(path) for path in allowed_files}
        self._files: HostFiles | None = None
        self.plugin = plugin_folder()

    @property
    def files(self) -> HostFiles:
        """The files of this machine, the same for all of a call. Most calls name none."""
        if self._files is None:
            from agentcore_sandbox.policy.host_files import HostFiles

            self._files = HostFiles(os.getcwd(), os.environ, self.plugin)
        return self._files

    def apply(self, command: str, actions: Iterable[argparse.Action], values: dict[str, Any]) -> None:
        """Judge a parsed call, and put the values in force that its arguments have when locked.

        Raises:
            NotAllowedError: It could reach further than the sandbox.
        """
        if command not in COMMANDS:
            raise NotAllowedError(f"`{command}` is not allowed when locked", f"there are {', '.join(COMMANDS)}, help")
        for action in actions:
            if action.dest in values:
                values[action.dest] = self._judged(action, values[action.dest])
        self._check_kinds()

    def _judged(self, action: argparse.Action, value: Any) -> Any:
        rule: Rule | None = getattr(action, "when_locked", None)
        if rule is None and value != action.default:
            name = action.option_strings[0] if action.option_strings else action.dest
            raise NotAllowedError(f"{name} is not allowed when locked", getattr(action, "advice", "leave it out"))
        return rule(self, value) if rule else value

    def _check_kinds(self) -> None:
        """Refuse files of unusual kinds, but for those that are allowed one by one."""
        unusual = self._files.unusual if self._files else []
        left = [path for path in unusual if path not in self._allowed]
        if left:
            hint = f"if the user agrees, name each: --allow-file {left[0]!r}"
            shown = ", ".join(map(ascii, left[:5])) + (f" and {len(left) - 5} more" if len(left) > 5 else "")  # noqa: PLR2004
            raise NotAllowedError(f"files of an unusual kind would get into the sandbox: {shown}", hint)


def plugin_folder() -> str:
    """The folder of the plugin that this program is part of, empty for none; Claude Code tells no shell of it."""
    folder = os.path.dirname(os.path.dirname(os.path.realpath(sys.argv[0])))
    return folder if os.path.isfile(os.path.join(folder, ".claude-plugin", "plugin.json")) else ""


def anything(_: Lock, value: Any) -> Any:
    """Take what reaches nothing but the sandbox."""
    return value


def off(_: Lock, __: Any) -> bool:
    """Have a switch off, whatever is given."""
    return False


def configured(*variables: str) -> Rule:
    """Take only what the command line would choose by itself: the value of the first variable that is set."""

    def rule(_: Lock, value: str | None) -> str | None:
        if value is not None and value != _chosen(variables):
            advice = f"leave it out. If the user wants another one, they set {variables[0]}"
            raise NotAllowedError(f"{value!r} is not what the user has configured", advice)
        return value

    return rule


def interpreter(lock: Lock, value: str | None) -> str | None:
    """Take only the configured interpreter, and name it always: else a job goes wherever its record says."""
    configured(INTERPRETER)(lock, value)
    return _chosen((INTERPRETER,))


def _chosen(variables: Sequence[str]) -> str | None:
    return next((os.environ[name] for name in variables if os.environ.get(name)), None)


def assignments(_: Lock, values: Sequence[str]) -> Sequence[str]:
    """Refuse `--env NAME`, which would copy the user's variable into the sandbox."""
    for value in values:
        if "=" not in value:
            raise NotAllowedError(f"--env {value} would copy the user's variable", f"write --env {value}=VALUE")
    return values


def root(lock: Lock, path: str | None) -> str:
    """Let the folder that bounds the files of a server be the working directory or one below it, whatever roots say."""
    from agentcore_sandbox.policy.host_files import is_within

    resolved = os.path.realpath(path or ".")
    if not is_within(resolved, lock.files.root):
        raise NotAllowedError(f"{path!r} is not below the working directory", "start it in the project's folder")
    return resolved


def program(lock: Lock, path: str | None) -> str | None:
    """Check the file that a program is read from, unless it is a script of a skill of the plugin."""
    from agentcore_sandbox.policy.host_files import is_skill_script

    if path is not None and not (lock.plugin and is_skill_script(path, lock.plugin)):
        lock.files.check_readable(path)
    return path


def archive(lock: Lock, path: Path | None) -> Path | None:
    """Check an archive that is unpacked in the sandbox."""
    if path is not None:
        lock.files.check_readable(str(path))
    return path


def uploads(lock: Lock, pairs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Check what goes in."""
    for source, _ in pairs:
        lock.files.check_readable(source)
    return pairs


def downloads(lock: Lock, pairs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Check where what comes out arrives."""
    for source, target in pairs:
        lock.files.check_arrival(source, target)
    return pairs


def item_downloads(lock: Lock, pairs: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Check where what comes out of a map arrives: in a new folder, with one for each item."""
    for _, target in pairs:
        lock.files.check_writable(target)
    return pairs


def input_file(lock: Lock, word: str | None) -> str | None:
    """Check the file or folder that items or a program's input come from; `-` is standard input."""
    if word not in (None, "-"):
        lock.files.check_readable(str(word))
    return word


def new_output(lock: Lock, path: Path | None) -> Path | None:
    """Check the place of a new file or folder for results."""
    if path is not None:
        lock.files.check_writable(str(path))
        if os.path.lexists(path):
            raise NotAllowedError(f"{str(path)!r} exists, and nothing is replaced", "choose a new name")
    return path


def output_folder(lock: Lock, path: Path | None) -> Path | None:
    """Check the folder for artifacts. Their names are made harmless."""
    if path is not None:
        lock.files.check_output_folder(str(path))
    return path
