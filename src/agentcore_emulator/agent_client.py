"""Requests from the host to the agent in a sandbox. Whatever comes back is hostile: bounded, checked, timed."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import time
from typing import TYPE_CHECKING, Any

from agentcore_emulator.agent import protocol
from agentcore_emulator.errors import EmulatorError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

LOOK_SECONDS = 0.1  # how often a waiting call looks whether it was cancelled
GRACE_SECONDS = 15.0  # for the agent to answer a call that was cancelled
CHUNK = 1 << 20
ANSWER_TEXT = 1 << 20
"""Bytes of an answer's JSON: all that can be long comes as raw bytes."""


class SandboxGoneError(EmulatorError):
    """The sandbox has died, or does not keep to the protocol any more."""

    def __init__(self, reason: str) -> None:
        hint = "start a new session; the files and variables of this one are lost"
        super().__init__("SandboxGone", f"the sandbox of this session is gone: {reason}", hint)


class HungUpError(Exception):
    """The process in the sandbox that should have answered has ended without an answer."""


class Call:
    """One request on a socket to the process that answers it, with at most `data_limit` bytes."""

    def __init__(self, conn: socket.socket, data_limit: int) -> None:
        self._conn = conn
        self._conn.settimeout(LOOK_SECONDS)
        self._data_limit = data_limit
        self._give_up_at: float | None = None

    def send(self, message: dict[str, Any], data: Iterable[bytes] = (), size: int = 0) -> None:
        """Send the request and the `size` bytes of its data; raises HungUpError where nobody takes it."""
        give_up_at = time.monotonic() + GRACE_SECONDS
        for part in itertools.chain([protocol.head(message, size)], data):
            view = memoryview(part)
            while view:
                sent = self._send_some(view)
                give_up_at = self._next_deadline(sent, give_up_at)
                view = view[sent:]

    def answer(self, cancelled: threading.Event) -> protocol.Message:
        """Wait for the answer; after `cancelled`, for that of what was interrupted.

        Raises:
            HungUpError: There will be none.
            SandboxGoneError: It is malformed, or the agent does not react to the interrupt.
        """
        try:
            return protocol.unpack(lambda size: self._read(size, cancelled), self._data_limit, ANSWER_TEXT)
        except protocol.FrameError as error:
            raise SandboxGoneError(str(error)) from error

    @property
    def was_interrupted(self) -> bool:
        """Whether the other end was told to stop."""
        return self._give_up_at is not None

    def ready(self) -> bool:
        """Return whether an answer has begun to arrive, or never will."""
        poll = select.poll()  # not select(), which knows no descriptor above 1023
        poll.register(self._conn, select.POLLIN)
        return bool(poll.poll(0))

    def hang_up(self) -> None:
        """Tell the other end to stop; it still answers."""
        with contextlib.suppress(OSError):
            self._conn.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the call."""
        self._conn.close()

    def _send_some(self, view: memoryview) -> int:
        try:
            return self._conn.send(view[:CHUNK])
        except TimeoutError:
            return 0
        except OSError as error:
            raise HungUpError from error

    def _next_deadline(self, sent: int, give_up_at: float) -> float:
        now = time.monotonic()
        if sent:
            return now + GRACE_SECONDS
        if now > give_up_at:
            raise SandboxGoneError("it does not take a request")
        return give_up_at

    def _read(self, size: int, cancelled: threading.Event) -> bytes:
        """Return some bytes, or none yet."""
        self._obey(cancelled)
        try:
            chunk = self._conn.recv(min(size, CHUNK))
        except TimeoutError:
            return b""
        except OSError as error:
            raise HungUpError from error
        if not chunk:
            raise HungUpError
        return chunk

    def _obey(self, cancelled: threading.Event) -> None:
        """Interrupt what runs once this was asked for, and do not wait for ever for the rest."""
        if self._give_up_at:
            if time.monotonic() > self._give_up_at:
                raise SandboxGoneError("it does not react to an interrupt")
        elif cancelled.is_set():
            self.hang_up()
            self._give_up_at = time.monotonic() + GRACE_SECONDS
