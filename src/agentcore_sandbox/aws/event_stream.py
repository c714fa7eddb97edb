"""Long messages of an event stream in time that grows with their length. Pure: no input, no output.

botocore adds each piece that comes to all that it holds, and copies it all: a result of 20 MB, in pieces of 64 KB, is
copied 300 times. Here it gets a message in few pieces, but for the prelude, at which it refuses what cannot be right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
