"""One message on a stream socket: a JSON object and raw bytes that belong to it.

Format: two big-endian 32-bit lengths, the object as UTF-8 JSON, the bytes.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Callable, Dict, Tuple

HEADER = struct.Struct(">II")
MESSAGE_LIMIT = 64 << 20
PIECE = 1 << 12  # bytes that are asked for at least: most messages come whole

Message = Tuple[Dict[str, Any], bytes]


class FrameError(Exception):
    """The other end sent something that is not a message, or too large a one."""


def pack(message: dict[str, Any], data: bytes = b"") -> list[bytes]:
    """Return the parts of a message in the order in which they are sent."""
    text = json.dumps(message).encode()
    return [HEADER.pack(len(text), len(data)) + text, data]


def unpack(read: Callable[[int], bytes], data_limit: int) -> Message:
    """Read one message, after which the other end sends nothing until it is answered: so it may come in one piece.

    Args:
        read: Returns some bytes, at most as many as it is asked for, or raises.
        data_limit: The largest number of raw bytes to take.

    Raises:
        FrameError: It is not a message, or too large.
    """
    received = bytearray()
    _fill(received, HEADER.size, read)
    text_size, data_size = HEADER.unpack_from(received)
    if text_size > MESSAGE_LIMIT or data_size > data_limit:
        raise FrameError(f"a message of {text_size} and {data_size} bytes is too large")
    middle = HEADER.size + text_size
    _fill(received, middle + data_size, read)
    message = _object(received[HEADER.size : middle])
    return message, bytes(memoryview(received)[middle : middle + data_size])


def _fill(received: bytearray, size: int, read: Callable[[int], bytes]) -> None:
    """Read until there are at least `size` bytes."""
    while len(received) < size:
        received += read(max(size - len(received), PIECE))


def _object(text: bytearray) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError("a message is not JSON") from error
    if not isinstance(message, dict):
        raise FrameError("a message is not a JSON object")
    return message
