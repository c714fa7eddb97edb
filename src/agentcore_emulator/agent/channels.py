"""The agent's ends of sockets and channels."""

from __future__ import annotations

import os
import signal
import socket
import struct
from typing import Any

from . import frames

CHUNK = 1 << 16
DESCRIPTOR = struct.Struct("i")


def send(conn: socket.socket, message: dict[str, Any], data: bytes = b"") -> None:
    """Send one message."""
    for part in frames.pack(message, data):
        conn.sendall(part)


def receive(conn: socket.socket, data_limit: int) -> frames.Message:
    """Wait for one message.

    Raises:
        EOFError: The other end is closed.
        FrameError: It sent something else.
    """
    return frames.unpack(lambda size: _read(conn, size), data_limit)


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


def drain(descriptor: int) -> bytes | None:
    """Return what a non-blocking descriptor holds, at most one chunk: `b""` at its end, None when it holds nothing."""
    try:
        return os.read(descriptor, CHUNK)
    except BlockingIOError:
        return None
    except OSError:  # EIO is how a terminal says that nobody has its other end any more
        return b""


def child_signals() -> int:
    """Return a descriptor that becomes readable whenever a child of this process ends."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable
