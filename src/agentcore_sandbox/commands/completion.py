"""Print the completion script of a shell: bash, zsh or fish.

bash: eval "$(agentcore-sandbox completion bash)" in ~/.bashrc; zsh: the same with zsh, after compinit, in ~/.zshrc;
fish: agentcore-sandbox completion fish | source, in ~/.config/fish/config.fish
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish")
PATHS = {"file", "paths", "uploads", "artifacts", "log"}  # arguments that are completed with files of this machine
EXAMPLES = ('eval "$(agentcore-sandbox completion bash)"',)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `completion`."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    add_json(parser)


def run(*, shell: str, as_json: bool, parser: argparse.ArgumentParser) -> int:
    """Print the script for a parser of the whole command line, or an object with the keys `shell` and `script`."""
    import shtab

    for action in _actions(parser):
        if action.dest in PATHS:
            action.complete = shtab.FILE  # type: ignore[attr-defined] # what shtab looks for
    script = shtab.complete(parser, shell)
    output = Output(as_json=as_json)
    output.data({"shell": shell, "script": script}) if as_json else output.line(script.rstrip())
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of those below it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to ask, and shtab does the same
        yield action
        if isinstance(action.choices, dict):
            for child in action.choices.values():
                yield from _actions(child)
