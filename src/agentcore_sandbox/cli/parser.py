"""A parser for one command: argparse, but with flags anywhere, and errors that are raised."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, NoReturn

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What looks like a flag is taken for one; any other word that begins with '-' is code.
_FLAG = re.compile(r"--?[A-Za-z][A-Za-z0-9-]*(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that takes flags anywhere, never guesses an abbreviation, and raises instead of leaving."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong as a usage error."""
        takes_code = any(action.dest == "code" for action in self._actions)
        more = "; code that looks like a flag goes after --" if takes_code else ""
        raise UsageError(message, f"see: {self.prog} --help{more}")

    def print_help(self, _file: object = None) -> None:
        """Print the help like all output, so that a full disk or a gone reader is told in the same way."""
        Output().line(self.format_help().rstrip())

    def parse(self, words: Sequence[str]) -> dict[str, Any]:
        """Parse flags before, between and after the positional arguments, which arrive unchanged.

        Argparse takes a word for a flag by its first letter. So words that can only be positional are hidden from it
        behind place-holders with a NUL, which no argument of a process can hold.
        """
        hidden: list[str] = []
        end = words.index("--") if "--" in words else len(words)
        shown = [_hide(word, hidden) if _is_positional(word) else word for word in words[:end]]
        shown += [_hide(word, hidden) for word in words[end + 1 :]]
        try:
            parsed = vars(self.parse_intermixed_args(shown))
        except UsageError as error:
            message = error.message
            for place, word in enumerate(hidden):
                message = message.replace(repr(f"\0{place}"), repr(word))
            raise UsageError(message, error.hint) from None
        return {name: _reveal(value, hidden) for name, value in parsed.items()}


def _is_positional(word: str) -> bool:
    return word.startswith("-") and word != "-" and not _FLAG.fullmatch(word)


def _hide(word: str, hidden: list[str]) -> str:
    hidden.append(word)
    return f"\0{len(hidden) - 1}"


def _reveal(value: Any, hidden: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_reveal(item, hidden) for item in value]
    return hidden[int(value[1:])] if isinstance(value, str) and value.startswith("\0") else value
