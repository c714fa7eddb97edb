"""Tracebacks in the form of the service's IPython kernel, recorded in tests/wire/execute_code_python_exception.json."""

from __future__ import annotations

import builtins
import itertools
import linecache
import os
from collections import Counter
from types import CodeType, FrameType, TracebackType
from typing import Iterator, Mapping, Tuple

from . import source_lines

WIDTH = 75
NUMBER_WIDTH = 7
CONTEXT, CONTEXT_OF_CAUSE = 2, 1  # pieces before and after the line
LONGEST_PIECE, HEAD, TAIL = 6, 3, 2  # lines of a piece, and what is left of a longer one
REPEATED = 3
CAUSE = "The above exception was the direct cause of the following exception:"
ANOTHER = "During handling of the above exception, another exception occurred:"

GROUPS: tuple[type, ...] = (builtins.BaseExceptionGroup,) if hasattr(builtins, "BaseExceptionGroup") else ()

Entry = Tuple[FrameType, int]


class Formatter:
    """Formats exceptions that cells raise; `cells` has the number of every cell by its file name."""

    def __init__(self, cells: Mapping[str, int]) -> None:
        self._cells = cells

    def format(self, error: BaseException) -> str:
        """Return the text for an exception that reached the end of its cell."""
        if isinstance(error, SystemExit):
            only = f"{type(error).__name__}: {error}"
            return f"An exception has occurred, use %tb to see the full traceback.\n\n{only}"
        if isinstance(error, SyntaxError):
            return self._syntax_error(error)
        if isinstance(error, GROUPS):
            import traceback

            return "".join(traceback.format_exception(type(error), error, self._of_cells(error.__traceback__)))
        return "\n".join(["-" * WIDTH, *self._chain(error)])

    def _chain(self, error: BaseException) -> list[str]:
        """Return the parts of an exception after those of what caused it."""
        parts = self._parts(error, CONTEXT)
        seen = {id(error)}
        while True:
            cause, message = error.__cause__, CAUSE
            if cause is None and not error.__suppress_context__:
                cause, message = error.__context__, ANOTHER
            if cause is None or id(cause) in seen:
                return parts
            parts = [*self._parts(cause, CONTEXT_OF_CAUSE), f"\n{message}\n", *parts]
            seen.add(id(cause))
            error = cause

    def _parts(self, error: BaseException, context: int) -> list[str]:
        name = type(error).__name__
        head = name + "Traceback (most recent call last)".rjust(WIDTH - len(name))
        entries = list(_entries(self._of_cells(error.__traceback__)))
        frames = [self._frames(group, context) for group in _grouped(entries)]
        notes = [str(note) for note in getattr(error, "__notes__", [])]
        return [head, *itertools.chain.from_iterable(frames), f"{name}: {_text_of(error)}", *notes]

    def _of_cells(self, tb: TracebackType | None) -> TracebackType | None:
        """Return the traceback without this program's own frames at its beginning."""
        inner = tb
        while inner and inner.tb_frame.f_code.co_filename not in self._cells:
            inner = inner.tb_next
        return inner or tb

    def _frames(self, group: list[tuple[Entry, bool]], context: int) -> Iterator[str]:
        if group[0][1]:
            for (frame, line), _ in group:
                yield self._frame(frame, line, context)
        else:
            counts = Counter((frame.f_code, line) for (frame, line), _ in group)
            similar = [
                f"{_name_of(code, line)} at line {line} ({count} times)" for (code, line), count in counts.items()
            ]
            yield f"    [... skipping similar frames: {', '.join(similar)}]\n"

    def _frame(self, frame: FrameType, line: int, context: int) -> str:
        code = frame.f_code
        call = "" if code.co_name == "<module>" else f", in {_name_of(code, line)}{_signature(frame)}"
        return "\n".join([self._place(code.co_filename, line) + call, *_context(code, line, context), ""])

    def _place(self, name: str, line: int) -> str:
        if name in self._cells:
            return f"Cell In[{self._cells[name]}], line {line}"
        home = os.path.expanduser("~") + os.sep
        return f"File {'~/' + name[len(home) :] if name.startswith(home) else name}:{line}"

    def _syntax_error(self, error: SyntaxError) -> str:
        """Return what IPython shows: a plain list of calls where running code met the error, and no dashes."""
        calls = []
        inner = self._of_cells(error.__traceback__)
        if inner and inner.tb_frame.f_code.co_filename in self._cells:
            calls = ["Traceback (most recent call last):\n"]
            calls += [self._call(frame.f_code, line) for frame, line in _entries(inner)]
        return "\n".join([*calls, *self._marked_line(error), f"{type(error).__name__}: {error.msg}", ""])

    def _call(self, code: CodeType, line: int) -> str:
        function = "" if code.co_name == "<module>" else f" in {code.co_name}"
        text = linecache.getline(code.co_filename, line).strip()
        return f"  {self._place(code.co_filename, line)}{function}\n    {text}\n"

    def _marked_line(self, error: SyntaxError) -> Iterator[str]:
        name, line = error.filename or "<string>", error.lineno or 0
        yield f"  {self._place(name, line)}"
        text = linecache.getline(name, line) or error.text or ""
        yield f"    {text.strip()}"
        if error.offset is not None:
            indent = len(text) - len(text.lstrip())
            yield "    " + "".join(c if c.isspace() else " " for c in text[indent : error.offset - 1]) + "^"


def _entries(tb: TracebackType | None) -> Iterator[Entry]:
    while tb:
        yield tb.tb_frame, tb.tb_lineno
        tb = tb.tb_next


def _grouped(entries: list[Entry]) -> Iterator[list[tuple[Entry, bool]]]:
    """Yield runs of entries with whether they are shown; of a recursion only the first two and the last are."""
    keys = [(frame.f_code, line) for frame, line in entries]
    total, seen = Counter(keys), Counter()  # type: Counter[tuple[CodeType, int]], Counter[tuple[CodeType, int]]
    shown = []
    for key in keys:
        seen[key] += 1
        shown.append(total[key] <= REPEATED or seen[key] in (1, 2, total[key]))
    for _, group in itertools.groupby(zip(entries, shown), key=lambda pair: pair[1]):
        yield list(group)


def _context(code: CodeType, line: int, context: int) -> Iterator[str]:
    """Yield the numbered lines around a line, without the indentation that they share."""
    import textwrap

    source = source_lines.of_file(code.co_filename)
    pieces = source.pieces_around(line, source.scope(code, line), context, context)
    numbers = [number for piece in pieces for number in (piece if line in piece else _shortened(piece))]
    text = textwrap.dedent("\n".join(source.lines[number - 1].rstrip("\n") for number in numbers if number))
    dedented = iter(text.split("\n"))
    for number in numbers:
        yield f"{_number(number, line)} {next(dedented)}" if number else "   (...)"


def _shortened(piece: range) -> list[int]:
    """Return the line numbers of a piece, of a long one with 0 for those left out."""
    return list(piece) if len(piece) <= LONGEST_PIECE else [*piece[:HEAD], 0, *piece[-TAIL:]]


def _number(number: int, current: int) -> str:
    if number != current:
        return str(number).rjust(NUMBER_WIDTH)
    return "-" * (NUMBER_WIDTH - len(str(number)) - 2) + "> " + str(number)


def _name_of(code: CodeType, line: int) -> str:
    """Return the qualified name of what a code object executes."""
    if code.co_name.startswith("<"):
        return code.co_name
    scope = source_lines.of_file(code.co_filename).scope(code, line)
    return code.co_name if scope.name == "<module>" else scope.name


def _signature(frame: FrameType) -> str:
    """Return the names of a frame's parameters."""
    import inspect

    names, varargs, keywords, _ = inspect.getargvalues(frame)
    names = [*names, *([f"*{varargs}"] if varargs else []), *([f"**{keywords}"] if keywords else [])]
    return f"({', '.join(names)})"


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the user's class may fail in any way
        return f"<unprintable {type(error).__name__} object>"
