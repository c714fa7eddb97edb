"""The response to an invoke: its messages in few pieces for botocore, and its `result` events as values. Pure.

botocore's EventStreamBuffer appends each chunk to everything it holds and copies it all, so a result of 20 MB that
arrives in chunks of 64 KB is copied 300 times. Here botocore gets each message in few pieces: the prelude, which it
validates, then the rest in large blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_STATUS = 255
PRELUDE = 12  # bytes: the message's length, that of its headers, and a checksum of both
BLOCK = 1 << 20  # bytes; a whole message in one piece would be in memory twice
_LENGTH = 4  # bytes of the prelude with the message's length


MAX_BYTES = 32 << 20
"""The largest response: one message of at most 24 MiB (https://github.com/boto/botocore/pull/3438), and a rest."""
MIN_MESSAGE = 16  # bytes: a prelude and a checksum


class StreamError(Exception):
    """A response breaks the rules of event streams, or the service's limits."""


class LargePieces:
    """Wraps urllib3's response body for botocore: each piece is a prelude or a block of the rest of a message."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self) -> Iterator[bytes]:
        """The pieces; an incomplete message at the end is passed on as it is."""
        return join(self._raw.stream())

    def close(self) -> None:
        """Close the body."""
        self._raw.close()


def read_all(pieces: Iterable[bytes]) -> bytes:
    """Put a response together that is no stream of events.

    Raises:
        StreamError: It is larger than `MAX_BYTES`.
    """
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) > MAX_BYTES:
            raise StreamError(f"it has more than {MAX_BYTES >> 20} MiB")
    return bytes(held)


def join(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Regroup a stream's chunks: of each message the prelude, as soon as it has arrived, then the rest in blocks.

    Raises:
        StreamError: A message is shorter than it can be, or the response is larger than `MAX_BYTES`.
    """
    held = bytearray()
    left, is_prelude = PRELUDE, True
    size = 0
    for piece in pieces:
        held += piece
        size += len(piece)
        if size > MAX_BYTES:
            raise StreamError(f"it has more than {MAX_BYTES >> 20} MiB")
        while len(held) >= min(left, BLOCK):
            part = bytes(held[: min(left, BLOCK)])
            del held[: len(part)]
            left -= len(part)
            if not left:
                left = _rest(part) if is_prelude else PRELUDE
                is_prelude = not is_prelude
            yield part
    yield bytes(held)


def _rest(prelude: bytes) -> int:
    length = int.from_bytes(prelude[:_LENGTH], "big")
    if length < MIN_MESSAGE:
        raise StreamError(f"it has a message of {length} bytes")
    return length - PRELUDE


def join_messages(response_dict: dict[str, Any], **_event: Any) -> None:
    """Handle botocore's event `before-parse`; the body of an error is bytes and is left alone."""
    if hasattr(response_dict["body"], "stream"):
        response_dict["body"] = LargePieces(response_dict["body"])


class Result(NamedTuple):
    """One result of an invoke, or several combined.

    Attributes:
        exit_code: None where the service does not tell.
        execution_time: Seconds. AWS documents milliseconds; every recorded value is seconds (docs/service.md, Results).
        is_error: The program or the service's tool failed.
        content: The payload's content blocks, unchanged.
        task_id: Of a command started by startCommandExecution.
    """

    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    execution_time: float | None = None
    is_error: bool = False
    content: tuple[Mapping[str, Any], ...] = ()
    task_id: str | None = None

    @property
    def status(self) -> int:
        """The exit status as a shell has it: an error without an exit code is 1."""
        code = self.exit_code or 0
        if code < 0:
            return min(128 - code, MAX_STATUS)
        return (code if code <= MAX_STATUS else 1) or int(self.is_error)


def read_result(payload: Mapping[str, Any], *, pty: bool = False) -> Result:
    """Read one `result` event, which is the service model's `CodeInterpreterResult`.

    The streams are in `structuredContent`. `content` repeats them and is used only where that is missing: when a tool
    fails (docs/service.md, Results).

    Args:
        payload: The decoded event.
        pty: The output went through a PTY, which writes each newline as CR LF (executeCommand).

    Raises:
        ValueError: It has another shape. It must not be taken for a program without output.
    """
    if not {"content", "structuredContent"} & payload.keys():
        raise ValueError("a result without contents")
    content = tuple(_block(value) for value in _member(payload, "content", list) or ())
    is_error = bool(payload.get("isError"))
    structured = _member(payload, "structuredContent", dict) or _from_content(content, is_error=is_error)
    stdout, stderr = _member(structured, "stdout", str) or "", _member(structured, "stderr", str) or ""
    return Result(
        stdout=stdout.replace("\r\n", "\n") if pty else stdout,
        stderr=stderr.replace("\r\n", "\n") if pty else stderr,
        exit_code=_member(structured, "exitCode", int),
        execution_time=_member(structured, "executionTime", (int, float)),
        is_error=is_error,
        content=content,
        task_id=_member(structured, "taskId", str),
    )


def _member(structure: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A member of a structure, None if it is absent."""
    value = structure.get(name)
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} is of type {type(value).__name__}")
    return value


def _block(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"a content block is of type {type(value).__name__}")  # noqa: TRY004 - of a stranger's data
    _member(value, "text", str)
    return value


def _from_content(content: tuple[Mapping[str, Any], ...], *, is_error: bool) -> dict[str, Any]:
    text = "\n".join(block.get("text") or "" for block in content if block.get("type") == "text")
    return {"stderr" if is_error else "stdout": text}


def combine(results: Iterable[Result]) -> Result:
    """Combine results in order: streams are concatenated, times added, the last exit code is used."""
    parts = list(results)
    times = [part.execution_time for part in parts if part.execution_time is not None]
    tasks = [part.task_id for part in parts if part.task_id]
    codes = [part.exit_code for part in parts if part.exit_code is not None]
    return Result(
        stdout="".join(part.stdout for part in parts),
        stderr="".join(part.stderr for part in parts),
        exit_code=codes[-1] if codes else None,
        execution_time=sum(times) if times else None,
        is_error=any(part.is_error for part in parts),
        content=tuple(block for part in parts for block in part.content),
        task_id=tasks[-1] if tasks else None,
    )
