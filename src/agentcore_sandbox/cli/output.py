"""The only printer: the program's streams as they are, the tool's own words on standard error, or one JSON object."""

from __future__ import annotations

import codecs
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Protocol, TypeVar

from agentcore_sandbox.cli.status_line import line, shown, spinner
from agentcore_sandbox.cli.terminal_text import HeadAndTail, escaped, keep_head_and_tail, plain, visible
from agentcore_sandbox.errors import MAX_MESSAGE, AgentcoreSandboxError, ReaderGoneError, UsageError, masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

STDOUT = 1
STDERR = 2
MOST_KEPT = 256 << 20
"""Bytes of a program's output that are held in memory for one JSON object."""
_MOST_NAMES = 20


class ProgramOutput(Protocol):
    """What a program has written, as one answer of the service has it."""

    @property
    def stdout(self) -> str:
        """Standard output."""

    @property
    def stderr(self) -> str:
        """Standard error."""


T = TypeVar("T", bound=ProgramOutput)


class Stream:
    """A standard stream of this process, which may be closed, full, a pipe or a terminal.

    Args:
        descriptor: 1 or 2.
        name: How messages call it.

    Attributes:
        unfinished: Descriptors whose last line has no end yet.
    """

    unfinished: ClassVar[set[int]] = line.unfinished

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
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
        if not data:
            return
        try:
            with line.away():
                self._write(data)
                (self.unfinished.discard if data.endswith(b"\n") else self.unfinished.add)(self._descriptor)
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            message = f"cannot write to {self._name}: {error.strerror or error}"
            raise AgentcoreSandboxError("OutputFailed", message, "send the output somewhere with room") from None

    def is_same_file(self, other: Stream) -> bool:
        """Whether another stream writes to the same terminal, pipe or file."""
        if self._file is None or other._file is None:
            return False
        return os.path.sameopenfile(self._file.fileno(), other._file.fileno())

    @property
    def is_heard(self) -> bool:
        """Whether it goes anywhere."""
        nowhere = os.stat(os.devnull)  # noqa: PTH116 - pathlib is not imported for this
        return self._file is not None and not os.path.samestat(os.fstat(self._descriptor), nowhere)

    def finish_line(self) -> None:
        """Write a newline if the last line lacks one."""
        if self._descriptor in self.unfinished:
            self.write("\n")

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
    """UTF-8, with lone surrogates as escapes."""
    return text.encode("utf-8", "backslashreplace")


class ProgramStream:
    """Prints one of the sandboxed program's streams, cut to a limit; on a terminal made safe and ended by a newline.

    Args:
        stream: Where to.
        raw: Pass control sequences to a terminal unchanged.
        limit: Bytes to keep; None prints everything as it arrives.
    """

    def __init__(self, stream: Stream, *, raw: bool, limit: int | None) -> None:
        self._stream = stream
        # It waits for the rest of an incomplete character; bytes that are not UTF-8 are shown as escapes.
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = decoder if stream.is_terminal and not raw else None
        self._held = None if limit is None else HeadAndTail(limit)

    def write(self, data: bytes) -> None:
        """Print a piece, or hold it back if only the head and tail of the whole are printed."""
        if self._held is None:
            self._print(data)
        else:
            self._held.add(data)

    def end(self) -> int:
        """Print what was held back; returns the number of bytes left out."""
        omitted = 0
        if self._held is not None:
            kept, omitted = self._held.result()
            self._print(kept)
        self._print(b"", final=True)
        if self._stream.is_terminal:
            self._stream.finish_line()
        return omitted

    def _print(self, data: bytes, *, final: bool = False) -> None:
        if self._decoder is None:
            self._stream.write_bytes(data)
        else:
            self._stream.write(visible(self._decoder.decode(data, final)))


def check_kept(size: int) -> None:
    """Refuse more bytes of a program's output than one JSON object may have.

    Raises:
        AgentcoreSandboxError: `OutputTooLarge`.
    """
    if size > MOST_KEPT:
        hint = "leave --json out, or let the program write into a file of the session"
        raise AgentcoreSandboxError("OutputTooLarge", f"--json keeps at most {MOST_KEPT >> 20} MiB", hint)


def question_of_file(code: str) -> str:
    """Whether a file was meant by code that is the name of one here, also behind a joined -f; empty for other code."""
    path = code.removeprefix("-f")
    is_file = os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for a name that is too long
    return f"{plain(path)} is a file here: did you mean --file {plain(path)}?" if is_file else ""


class LiveProgram:
    """Prints a program's streams piece by piece as they come; where there are none, only keeps them.

    Attributes:
        kept: Pieces of standard output and standard error.
        size: Bytes of both so far, kept or not.
    """

    def __init__(self, streams: Sequence[ProgramStream] = ()) -> None:
        self._streams = streams
        self.kept: tuple[list[bytes], list[bytes]] = ([], [])
        self.size = 0

    def write(self, stdout: bytes, stderr: bytes, *, keep: bool) -> None:
        """Print what is new, and keep it if asked."""
        self.size += len(stdout) + len(stderr)
        for stream, data in zip(self._streams, (stdout, stderr), strict=False):
            stream.write(data)
        if keep:
            self.kept[0].append(stdout)
            self.kept[1].append(stderr)
            check_kept(self.size)

    def end(self) -> int:
        """Print what is left; returns the number of bytes that a limit has left out."""
        return sum(stream.end() for stream in self._streams)


class Output:
    """Prints what commands return.

    Args:
        as_json: Print one JSON object on standard output instead of text.
        raw: Pass control sequences of the sandbox's output to a terminal unchanged.
        limit: Keep only this many bytes of each of the program's streams; None for all.

    Attributes:
        answered: Whether the command has printed its JSON object.
        afterwards: Subject -> what gives sentences to say when the command has ended, by its exit status.
        is_verbose: Whether each request is told.
    """

    answered: ClassVar[bool] = False
    afterwards: ClassVar[dict[str, Callable[[int], Iterable[str]]]] = {}
    is_verbose: ClassVar[bool] = False

    def __init__(self, *, as_json: bool = False, raw: bool = False, limit: int | None = None) -> None:
        self.as_json = as_json
        self._raw = raw
        self._limit = limit
        self._stdout = Stream(STDOUT, "standard output")
        self._stderr = Stream(STDERR, "standard error")

    @property
    def takes_colours(self) -> bool:
        """Whether standard output is a terminal that shows colours, and the user wants to see them."""
        return self._stdout.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def say(self, message: str) -> None:
        """Print a message on standard error, with credentials masked; a failure to write it is ignored."""
        try:
            self._end_shared_line()
            self._stderr.finish_line()
            self._stderr.write(f"{visible(masked(message))}\n")
        except (AgentcoreSandboxError, ReaderGoneError):
            return

    @classmethod
    def say_afterwards(cls, status: int) -> None:
        """Say what was put off until the command had ended, if anybody can hear it: some is said only once."""
        output = cls()
        for sentences in cls.afterwards.values() if output._stderr.is_heard else ():
            for sentence in sentences(status):
                output.say(f"agentcore-sandbox: {sentence}")

    def waiting(self, what: str, note: str = "") -> AbstractContextManager[None]:
        """Show on a terminal, where the output is text, that something takes long; after ten seconds say the note."""

        def tell() -> None:
            if note:
                self.say(f"agentcore-sandbox: {note}")

        return shown(spinner(what, tell), quiet=self.as_json)

    def end_line(self) -> None:
        """Write a newline where the last line on standard output lacks one."""
        self._stdout.finish_line()

    def say_traceback(self, error: BaseException) -> None:
        """Print the last lines of an exception's traceback on standard error, with credentials masked."""
        from traceback import format_exception

        lines, kept = "".join(format_exception(error)).splitlines(keepends=True), ""
        while lines and len(kept) + len(lines[-1]) <= MAX_MESSAGE:
            kept = lines.pop() + kept
        self.say(kept.rstrip())

    def line(self, text: str) -> None:
        """Print a line on standard output."""
        self._stdout.write(f"{visible(text) if self._stdout.is_terminal else text}\n")

    def data(self, value: Mapping[str, Any]) -> None:
        """Print one JSON object on standard output."""
        Output.answered = True
        self._json(json.dumps(value, ensure_ascii=False))

    def json_lines(self, data: bytes) -> None:
        """Print lines of JSON."""
        if self._stdout.is_terminal:
            self._stdout.write(escaped(data.decode("utf-8", "replace")))
        else:
            self._stdout.write_bytes(data)

    def data_bytes(self, data: bytes) -> None:
        """Write a file's contents to standard output, unchanged.

        Raises:
            UsageError: Standard output is a terminal, which contents could control.
        """
        if self._stdout.is_terminal and not self._raw:
            raise UsageError("standard output is a terminal", "send it to a file or into a pipe, such as: | less")
        self._stdout.write_bytes(data)

    def document(self, value: Mapping[str, Any]) -> None:
        """Print a JSON document to be read and edited: indented, but on one line where JSON was asked for."""
        self.data(value) if self.as_json else self._json(json.dumps(value, ensure_ascii=False, indent=2))

    def _json(self, text: str) -> None:
        """Print JSON, on a terminal with what could control that as JSON's own escapes."""
        self._stdout.write(f"{escaped(text) if self._stdout.is_terminal else text}\n")

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print aligned columns; the cells are untrusted."""
        cells = [list(header), *([plain(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def program(self, results: Iterable[T], seen: list[T]) -> None:
        """Print the program's streams, where the output is text: stdout as it arrives, then stderr.

        What arrived is printed whatever ends the results early. Standard error waits for the end, so that on a terminal
        it never continues an unfinished line. Each result is put into `seen` as well.
        """
        stdout, stderr = self._program_streams()
        try:
            for result in results:
                seen.append(result)
                if not self.as_json:
                    stdout.write(encoded(result.stdout))
        finally:
            omitted = stdout.end()
            errors = "".join(result.stderr for result in seen)
            if errors and not self.as_json:
                self._end_shared_line()
                stderr.write(encoded(errors))
            self._say_omitted(omitted + stderr.end())

    def _end_shared_line(self) -> None:
        """Where both streams go to one file, as after `2>&1`, let what follows on standard error begin a line."""
        if self._stdout.is_same_file(self._stderr):
            self._stdout.finish_line()

    @contextmanager
    def live(self) -> Iterator[LiveProgram]:
        """Print a program's output while it runs, where the output is text; what has come is printed in any case."""
        program = LiveProgram() if self.as_json else LiveProgram(self._program_streams())
        try:
            yield program
        finally:
            self._say_omitted(program.end())

    def _program_streams(self) -> list[ProgramStream]:
        return [ProgramStream(stream, raw=self._raw, limit=self._limit) for stream in (self._stdout, self._stderr)]

    def cut(self, text: str) -> str:
        """Cut one of the program's streams to the limit, for JSON."""
        if self._limit is None:
            return text
        kept, omitted = keep_head_and_tail(text, self._limit)
        self._say_omitted(omitted)
        return kept

    def _say_omitted(self, count: int) -> None:
        if count:
            self.say(f"agentcore-sandbox: {count} bytes of output left out (--max-output {self._limit})")

    def failure(self, error: AgentcoreSandboxError, **more: Any) -> None:
        """Print an expected failure: two lines on standard error, or an object with the key `error` and `more` keys."""
        if self.as_json:
            self.data({**more, "error": {"code": error.code, "message": error.message, "hint": error.hint}})
            return
        self.say_failure(error)

    def say_failure(self, error: AgentcoreSandboxError) -> None:
        """Print a failure on standard error, in two lines."""
        self.say(f"error[{plain(error.code)}]: {_indented(error.message)}")
        if error.hint:
            self.say(f"hint: {_indented(error.hint)}")

    def say_artifacts(self, names: Sequence[str]) -> None:
        """Say which images and files a result carries that are not saved."""
        self.say(f"agentcore-sandbox: the result carries {', '.join(names)}; --artifacts DIR saves them")

    def say_mistaken_file(self, code: str) -> None:
        """Ask about code that is the name of a file here, and that has failed or will."""
        if question := question_of_file(code):
            self.say(f"agentcore-sandbox: {question}")

    def say_skipped(self, reasons: Mapping[str, str]) -> None:
        """Print which files a copy has left out and why, the first few by name."""
        for path, reason in list(reasons.items())[:_MOST_NAMES]:
            self.say(f"agentcore-sandbox: left out ({reason}): {plain(path)}")
        if len(reasons) > _MOST_NAMES:
            self.say(f"agentcore-sandbox: left out {len(reasons) - _MOST_NAMES} more")


def _indented(text: str) -> str:
    """Keep lines of a message, which may quote the sandbox or the service, from looking like messages of their own."""
    return text.replace("\n", "\n  ")
