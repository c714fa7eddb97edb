"""Whether this process has a standard input that nobody has read. Every `run` asks, so little is imported."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SENTENCE = "standard input has data that is not read: {option} reads it, </dev/null leaves it out"


def sentences(option: str, _status: int) -> Iterator[str]:
    """Say that nobody has read a pipe or file on standard input that has something in it; `option` would read it."""
    try:
        if _is_waiting(sys.stdin.fileno()):
            yield SENTENCE.format(option=option)
    except (AttributeError, OSError, ValueError):  # closed, or no file
        return


def _is_waiting(descriptor: int) -> bool:
    """Whether there is something to read, without reading or waiting."""
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        return os.lseek(descriptor, 0, os.SEEK_CUR) < found.st_size
    if sys.platform == "win32" or not (stat.S_ISFIFO(found.st_mode) or stat.S_ISSOCK(found.st_mode)):
        return False
    import fcntl
    import termios

    return any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
