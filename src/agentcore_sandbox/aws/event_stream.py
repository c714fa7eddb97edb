"""The response to an invoke: its messages in few pieces for botocore, and its `result` events as values. Pure.

botocore's EventStreamBuffer appends each chunk to everything it holds and copies it all, so a result of 20 MB that
arrives in chunks of 64 KB is copied 300 times. Here botocore gets each message in few pieces: the prelude, which it
validates, then the rest in large blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_STATUS = 255
PRELUDE = 12  # bytes: the message's length, that of its headers, and a checksum of both
BLOCK = 1 << 20  # bytes: whole messages would be held once more
_LENGTH = 4  # bytes of them that are the message's length


class LargePieces:
    """A response's body whose pieces are preludes and the rests of their messages, those in blocks.

    Args:
        raw: The body, as urllib3 has it.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self) -> Iterator[bytes]:
        """The pieces, as botocore asks for them; what is left of a body that is cut comes last."""
        return join(self._raw.stream())

    def close(self) -> None:
        """Close the body."""
        self._raw.close()


def join(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream of messages anew: each gives its prelude, as soon as it is there, and then the rest in blocks."""
    held = bytearray()
    left, is_prelude = PRELUDE, True
    for piece in pieces:
        held += piece
        while len(held) >= min(left, BLOCK):
            part = bytes(held[: min(left, BLOCK)])
            del held[: len(part)]
            yield part
            left -= len(part)
            if not left:
                left = max(0, int.from_bytes(part[:_LENGTH], "big") - PRELUDE) if is_prelude else PRELUDE
                is_prelude = not is_prelude
    yield bytes(held)


def join_messages(response_dict: dict[str, Any], **_event: Any) -> None:
    """Handle botocore's event `before-parse`; an error's body is bytes and stays."""
    if hasattr(response_dict["body"], "stream"):
        response_dict["body"] = LargePieces(response_dict["body"])


@dataclass(frozen=True)
class Result:
    """One result of an invoke, or the sum of several.

    Attributes:
        stdout: What the program wrote to standard output.
        stderr: What the program wrote to standard error.
        exit_code: As the service says, None where it says nothing.
        execution_time: In seconds. AWS documents milliseconds, every recorded value is seconds.
        is_error: The program or the service's tool failed.
        content: The payload's content blocks, as the service sent them.
        task_id: Of a command that was started and not waited for.
    """

    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    execution_time: float | None = None
    is_error: bool = False
    content: tuple[Mapping[str, Any], ...] = field(default=())
    task_id: str | None = None

    @property
    def status(self) -> int:
        """The exit status that a shell would show: an error without an exit code counts as 1."""
        code = self.exit_code or 0
        if code < 0:
            return min(128 - code, MAX_STATUS)
        return (code if code <= MAX_STATUS else 1) or int(self.is_error)


def read_result(payload: Mapping[str, Any], *, pty: bool = False) -> Result:
    """Read one `result` payload.

    The streams come from `structuredContent`; `content` repeats them, and stands in only where that is missing
    (a tool's own failure, see wire/read_files_missing.json).

    Args:
        payload: The decoded event, shaped as in the service model's `CodeInterpreterResult`.
        pty: The output went through a PTY, which writes every newline as CR LF (executeCommand).

    Raises:
        ValueError: It is shaped otherwise. An answer that cannot be read must not look like a program without output.
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
    """A member of a structure, None where there is none."""
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
    """Join results in order: streams are appended, times added, the last exit code counts."""
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
