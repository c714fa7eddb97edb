"""Streams that may be endless, kept in bounded memory."""

from __future__ import annotations

import os

CHUNK = 1 << 16


class Capture:
    """Head and tail of a stream, `limit` bytes in all; `left_out` counts the others once `content` was called."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.left_out = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._half:
            self._shorten()

    def content(self) -> bytes:
        """Return what was kept, with a line in the middle that says how much was left out."""
        if len(self._tail) > self._half:
            self._shorten()
        if not self.left_out:
            return bytes(self._head + self._tail)
        note = f"\n... {self.left_out} bytes of output left out ...\n".encode()
        return bytes(self._head + note + self._tail)

    def _shorten(self) -> None:
        surplus = len(self._tail) - self._half
        del self._tail[:surplus]
        self.left_out += surplus


def drain(descriptor: int) -> bytes | None:
    """Return what a non-blocking descriptor holds, at most one chunk: `b""` at its end, None when it holds nothing."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return None
    except OSError:  # EIO is how a terminal says that nobody has its other end any more
        return b""
