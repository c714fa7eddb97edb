"""The standard streams of this process, and the sandboxed program's streams printed on them, as bytes."""

from __future__ import annotations

import codecs
import os
import sys
from typing import TYPE_CHECKING, BinaryIO

from agentcore_sandbox.cli.text import HeadAndTail, visible
from agentcore_sandbox.errors import AgentcoreSandboxError, ReaderGoneError

if TYPE_CHECKING:
    from collections.abc import Sequence

STDOUT = 1
STDERR = 2


class Stream:
    """A standard stream of this process, which may be closed, full, a pipe or a terminal.

    Args:
        descriptor: 1 or 2.
        name: How messages call it.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self._name = name
        self._file = _open(descriptor)
        self.is_terminal = self._file is not None and self._file.isatty()

    def write(self, text: str) -> None:
        """Write all of it, now.

        Raises:
            ReaderGoneError: The pipe's reader is gone.
            AgentcoreSandboxError: `OutputFailed`, for a full disk or a closed stream.
        """
        self.write_bytes(encoded(text))

    def write_bytes(self, data: bytes) -> None:
        """Write bytes as they are; raises what `write` raises."""
        try:
            if data:
                self._write(data)
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            message = f"cannot write to {self._name}: {error.strerror or error}"
            raise AgentcoreSandboxError("OutputFailed", message, "send the output somewhere with room") from None

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise OSError("it is closed")
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


def _open(descriptor: int) -> BinaryIO | None:
    """Open a descriptor unbuffered, so that nothing is left to fail at exit; None where the caller closed it."""
    original = sys.__stdout__ if descriptor == STDOUT else sys.__stderr__
    return None if original is None else os.fdopen(descriptor, "wb", buffering=0, closefd=False)


def encoded(text: str) -> bytes:
    """UTF-8; half a character, which no UTF-8 can have, as its escape."""
    return text.encode("utf-8", "backslashreplace")


class ProgramStream:
    """Prints one of the sandboxed program's streams: made safe for a terminal, cut to a limit, ended by a newline.

    Args:
        stream: Where to.
        raw: Pass control sequences to a terminal unchanged.
        limit: Bytes to keep; None prints everything as it arrives.
    """

    def __init__(self, stream: Stream, *, raw: bool, limit: int | None) -> None:
        self._stream = stream
        # Characters whose bytes have not all come wait for them; bytes that are no UTF-8 are shown by their numbers.
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = decoder if stream.is_terminal and not raw else None
        self._held = None if limit is None else HeadAndTail(limit)
        self._last = b""

    def write(self, data: bytes) -> None:
        """Print a piece, or hold it back where only head and tail of the whole are wanted."""
        if self._held is None:
            self._print(data)
        else:
            self._held.add(data)

    def end(self) -> int:
        """Print what was held back and a missing final newline; returns the number of bytes left out."""
        omitted = 0
        if self._held is not None:
            kept, omitted = self._held.result()
            self._print(kept)
        self._print(b"", final=True)
        if self._last not in (b"", b"\n"):
            self._stream.write("\n")
        return omitted

    def _print(self, data: bytes, *, final: bool = False) -> None:
        self._last = data[-1:] or self._last
        if self._decoder is None:
            self._stream.write_bytes(data)
        else:
            self._stream.write(visible(self._decoder.decode(data, final)))


class LiveProgram:
    """Prints a program's streams piece by piece as they come.

    Args:
        streams: Print standard output and standard error; none where they are only kept.
    """

    def __init__(self, streams: Sequence[ProgramStream] = ()) -> None:
        self._streams = streams
        self.kept: tuple[list[bytes], list[bytes]] = ([], [])

    def write(self, stdout: bytes, stderr: bytes, *, keep: bool) -> None:
        """Print what is new.

        Args:
            stdout: Bytes of standard output.
            stderr: Bytes of standard error.
            keep: Remember them for `kept`.
        """
        for stream, data in zip(self._streams, (stdout, stderr), strict=False):
            stream.write(data)
        if keep:
            self.kept[0].append(stdout)
            self.kept[1].append(stderr)

    def end(self) -> int:
        """Print what is left; returns the number of bytes that a limit has left out."""
        return sum(stream.end() for stream in self._streams)
