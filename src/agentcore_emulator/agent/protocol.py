"""How the host, the agent and its workers speak: messages on stream sockets, and the hand-over of such sockets.

A message is a JSON object and raw bytes that belong to it: two big-endian 32-bit lengths, the object as UTF-8 JSON,
the bytes. The host imports this module too, so that both ends share one format.
"""

from __future__ import annotations

import json
import socket
import struct

TYPE_CHECKING = False  # typing itself would be a tenth of what the agent takes to start
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Tuple

    Message = Tuple[Dict[str, Any], bytes]

HEADER = struct.Struct(">II")
MESSAGE_LIMIT = 64 << 20
PIECE = 1 << 12  # bytes that are asked for at least: most messages come whole
DESCRIPTOR = struct.Struct("i")
REQUEST = "request"
"""The label of what a child of the agent answers; all others are of contexts."""


class FrameError(Exception):
    """The other end sent something that is not a message, or too large a one."""


def head(message: dict[str, Any], size: int) -> bytes:
    """Return what is sent before the `size` bytes that belong to a message."""
    text = json.dumps(message).encode()
    return HEADER.pack(len(text), size) + text


def unpack(read: Callable[[int], bytes], data_limit: int, text_limit: int = MESSAGE_LIMIT) -> Message:
    """Read one message, after which the other end sends nothing until it is answered: so it may come in one piece.

    Args:
        read: Returns some bytes, at most as many as it is asked for, or raises.
        data_limit: The largest number of raw bytes to take.
        text_limit: The largest number of bytes of JSON. Parsed, they take up to thirty times as many.

    Raises:
        FrameError: It is not a message, or too large.
    """
    received = bytearray()
    _fill(received, HEADER.size, read)
    text_size, data_size = HEADER.unpack_from(received)
    if text_size > text_limit or data_size > data_limit:
        raise FrameError(f"a message of {text_size} and {data_size} bytes is too large")
    middle = HEADER.size + text_size
    _fill(received, middle, read)
    message, parts = _object(received[HEADER.size : middle]), [bytes(received[middle : middle + data_size])]
    left = data_size - len(parts[0])
    while left:
        parts.append(read(left))
        left -= len(parts[-1])
    return message, b"".join(parts)


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


def send(conn: socket.socket, message: dict[str, Any], data: bytes = b"") -> None:
    """Send one message, a short one at once: the other end wakes up only once."""
    beginning = head(message, len(data))
    for part in [beginning + data] if len(data) < PIECE else [beginning, data]:
        conn.sendall(part)


def receive(conn: socket.socket, data_limit: int) -> Message:
    """Wait for one message.

    Raises:
        EOFError: The other end is closed.
        FrameError: It sent something else.
    """
    return unpack(lambda size: _read(conn, size), data_limit)


def _read(conn: socket.socket, size: int) -> bytes:
    """Return some bytes, or raise EOFError."""
    data = conn.recv(min(size, 1 << 20))
    if not data:
        raise EOFError
    return data


def send_descriptor(conn: socket.socket, label: bytes, descriptor: int) -> None:
    """Hand a descriptor to the process at the other end of a SOCK_SEQPACKET socket."""
    conn.sendmsg([label], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, DESCRIPTOR.pack(descriptor))])


def receive_descriptor(conn: socket.socket) -> tuple[bytes, socket.socket | None]:
    """Wait for a label and the socket that came with it; an empty label is the end."""
    space = socket.CMSG_SPACE(DESCRIPTOR.size)
    # Close-on-exec from the first instant, or a program started meanwhile would inherit the channel.
    label, control, _, _ = conn.recvmsg(256, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            return label, socket.socket(fileno=DESCRIPTOR.unpack(data[: DESCRIPTOR.size])[0])
    return label, None
