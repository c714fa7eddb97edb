"""The lines of the connection, over this process's standard streams, which then lead nowhere else."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN, STDOUT, STDERR = 0, 1, 2
MOST_BYTES = 32 << 20
"""Of a line that is read; of a longer one its head is passed on, which is no message."""
_BLOCK = 1 << 16


class Lines:
    """Reads and writes lines of bytes; any number of threads may write.

    While it exists, whatever else prints, a library or a child process, prints to standard error, and reads nothing.
    """

    def __init__(self) -> None:
        self._in, self._out = os.dup(STDIN), os.dup(STDOUT)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, STDIN)
        os.dup2(nothing if sys.stderr is None else STDERR, STDOUT)
        os.close(nothing)
        self._writing = threading.Lock()

    def read(self) -> Iterator[bytes]:
        """Yield each line without its end, until the other side closes the stream."""
        held = bytearray()
        while block := self._read_block():
            *ends, rest = block.split(b"\n")
            for end in ends:
                held += end[: MOST_BYTES - len(held)]
                yield bytes(held)
                held.clear()
            held += rest[: MOST_BYTES - len(held)]

    def _read_block(self) -> bytes:
        with suppress(OSError):  # such as of a terminal that is gone
            return os.read(self._in, _BLOCK)
        return b""

    def write(self, line: bytes) -> None:
        """Write a line with its end.

        Raises:
            OSError: Nobody reads any more.
        """
        rest = memoryview(line)
        with self._writing:
            while rest:
                rest = rest[os.write(self._out, rest) :]
