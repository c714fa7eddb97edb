"""Help texts in the width of the terminal, at most 80 columns; no word is broken in the middle."""

from __future__ import annotations

import argparse
import re
from itertools import groupby
from typing import Any

from agentcore_sandbox.cli.status_line import columns

STDOUT = 1
_WIDEST = 80
_ROW = re.compile(r" +\S.*? {2,}")  # of a list: a name, and then what it is


def width() -> int:
    """Columns of a line of help."""
    return min(_WIDEST, columns(STDOUT)) - 2


def fit(text: str, room: int) -> str:
    """Wrap paragraphs and the rows of lists; an indented line that is no row, such as an example, stays as it is."""
    from textwrap import wrap

    shown: list[str] = []
    for is_indented, lines in groupby(text.splitlines(), lambda line: line.startswith(" ") or not line):
        for line in lines if is_indented else (" ".join(lines),):
            name = _ROW.match(line)
            margin = " " * min(name.end() if name else 0, room // 2)
            is_kept = is_indented and not name
            wrapped = wrap(line, room, subsequent_indent=margin, break_on_hyphens=False, break_long_words=False)
            shown += [line] if is_kept else wrapped
    return "\n".join(shown)


class Formatter(argparse.HelpFormatter):
    """Formats the help of a parser.

    Args:
        prog: As for argparse.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=width())

    def add_usage(self, usage: Any, actions: Any, _groups: Any, prefix: Any = None) -> None:
        """Name the operands alone: what the options do is said below."""
        self._prog += " [options]"
        super().add_usage(usage, [action for action in actions if not action.option_strings], [], prefix)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return fit(" ".join(text.split()), width).splitlines()

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return fit(text, width - len(indent))
