"""The last line of a terminal, which says what is under way. Whatever else is printed takes its place."""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock  # `threading` takes a start a millisecond, and most show nothing
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STARTING = "starting a session"
STDERR = 2
ERASE = "\r\x1b[K"
SPINNER_SECONDS, NOTE_SECONDS = 3.0, 10.0
_PAUSE = 0.1  # seconds between two drawings
_SIGNS = "|/-\\"


class StatusLine:
    """The line, on standard error.

    Attributes:
        text: What it shows.
        unfinished: Descriptors of streams whose last line has no end yet: they keep the last line to themselves.
    """

    def __init__(self) -> None:
        self.text = ""
        self.unfinished: set[int] = set()
        self._lock = allocate_lock()

    def is_possible(self) -> bool:
        """Whether standard error is a terminal that can erase a line."""
        return sys.__stderr__ is not None and sys.__stderr__.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, text: str) -> None:
        """Show one line of printable characters instead, cut to the terminal's width; nothing where it is empty."""
        with self._lock:
            if text != self.text and not self.unfinished:
                self.text = text
                _write(ERASE + text[: columns(STDERR) - 1])

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the line away before something else is printed, and let nobody show it meanwhile."""
        with self._lock:
            if self.text:
                self.text = ""
                _write(ERASE)
            yield


line = StatusLine()


def _write(text: str) -> None:
    with suppress(OSError):  # it is only decoration
        os.write(STDERR, text.encode("utf-8", "backslashreplace"))


def columns(descriptor: int) -> int:
    """The width of a terminal; 80 where it does not tell."""
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80


@contextmanager
def shown(render: Callable[[float], str], *, quiet: bool) -> Iterator[None]:
    """Show what is under way until the block ends.

    Args:
        render: Takes the seconds since the block began, and returns the line, empty for none.
        quiet: Show nothing.
    """
    if quiet or not line.is_possible():
        yield
        return
    from threading import Event, Thread

    ended, started = Event(), time.monotonic()

    def draw() -> None:
        while not ended.wait(_PAUSE):
            line.show(render(time.monotonic() - started))

    thread = Thread(target=draw, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        line.show("")


def spinner(what: str, tell: Callable[[], object]) -> Callable[[float], str]:
    """The line for something that takes longer, from the third second on.

    Args:
        what: Is under way.
        tell: Is called once, after ten seconds.
    """
    waiting = iter([tell])

    def render(seconds: float) -> str:
        if seconds >= NOTE_SECONDS:
            next(waiting, bool)()
        sign = _SIGNS[int(seconds * 10) % len(_SIGNS)]
        return f"{sign} {what}, {seconds:.0f} s" if seconds >= SPINNER_SECONDS else ""

    return render
