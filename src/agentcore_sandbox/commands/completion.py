"""Print the completion script of a shell: bash, zsh or fish.

To load it:
  bash  eval "$(agentcore-sandbox completion bash)" in ~/.bashrc
  zsh   the same with zsh, after compinit, in ~/.zshrc
  fish  agentcore-sandbox completion fish | source, in ~/.config/fish/config.fish
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import MANAGED_INTERPRETER
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_json
from agentcore_sandbox.settings import LOCAL_INTERPRETERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")
NAMES = ("sessions", "jobs")  # that this machine knows; no request is sent
FILES = {
    "file",
    "stdin",
    "uploads",
    "artifacts",
    "archive",
    "log",
}  # arguments that are completed with files of this machine
KINDS = {"session": "sessions", "sessions": "sessions", "job": "jobs"}
INTERPRETERS = {"interpreter_id", "interpreter"}
_NAMES_OF = "agentcore-sandbox completion"
_SESSIONS = f"{_NAMES_OF} sessions 2>/dev/null"
_FILES_AND_SESSIONS = {
    "bash": "_agentcore_sandbox_files",  # shtab treats what has `file` in its name as files
    "zsh": "_agentcore_sandbox_files",
    "fish": f"(__fish_complete_path (commandline -ct)) ({_SESSIONS}):",
    "preamble": {
        "bash": f'_agentcore_sandbox_files() {{ compgen -f -- "$1"; compgen -S : -W "$({_SESSIONS})" -- "$1"; }}',
        "zsh": f"_agentcore_sandbox_files() {{ compadd -S : -- $({_SESSIONS}); _files }}",
    },
}
EXAMPLES = ('eval "$(agentcore-sandbox completion bash)"',)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `completion`."""
    about = "the shell; or sessions, jobs: print the names that the scripts offer"
    parser.add_argument("shell", choices=(*SHELLS, *NAMES), help=about)
    add_json(parser)


def run(*, shell: str, as_json: bool, parser: argparse.ArgumentParser) -> int:
    """Print the script for a parser of the whole command line, or an object with the keys `shell` and `script`.

    Of `NAMES`, one on each line, or an object with the key `names`.
    """
    output = Output(as_json=as_json)
    if shell in NAMES:
        _print_names(output, _names(shell))
        return 0
    import shtab

    for action in _actions(parser):
        if complete := _completer(action.dest):
            action.complete = complete  # type: ignore[attr-defined] # what shtab looks for
    script = shtab.complete(parser, shell)
    output.data({"shell": shell, "script": script}) if as_json else output.line(script.rstrip())
    return 0


def _completer(argument: str) -> Any:
    """What shtab completes an argument with, None for nothing."""
    import shtab

    if argument == "paths":  # here or in a session
        return _FILES_AND_SESSIONS
    if argument in INTERPRETERS:
        return shtab.cmd("; ".join(f"echo {name}" for name in (*LOCAL_INTERPRETERS, MANAGED_INTERPRETER)))
    if argument in KINDS:
        return shtab.cmd(f"{_NAMES_OF} {KINDS[argument]} 2>/dev/null")
    return shtab.FILE if argument in FILES else None


def _print_names(output: Output, names: list[str]) -> None:
    if output.as_json:
        output.data({"names": names})
        return
    for name in names:
        output.line(name)


def _names(kind: str) -> list[str]:
    """Names of sessions that may be running, or names and ids of jobs."""
    if kind == "sessions":
        from agentcore_sandbox.sessions.named import known_names

        return known_names(os.environ)
    from agentcore_sandbox.jobs.store import JobStore

    return [name for job in JobStore(os.environ).all()[0] for name in (job.name, job.job_id) if name]


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of those below it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask, and shtab does the same
        yield action
        if isinstance(action.choices, dict):
            for child in action.choices.values():
                yield from _actions(child)
