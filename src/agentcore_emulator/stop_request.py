"""A request to end the service: by a signal, or by one of its threads."""

from __future__ import annotations

import select
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class StopRequest:
    """What the main thread waits for.

    No `threading.Event`: a signal that the kernel gives to another thread would not wake the main one, and a handler
    that sets an event while the main thread holds its lock would wait for ever. Python writes each handled signal to
    the wake-up descriptor, in whichever thread it arrives.

    Args:
        signals: The signals that ask for the end; only the main thread may say so.
    """

    def __init__(self, signals: Iterable[int]) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        for number in signals:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def set(self) -> None:
        """Ask for the end; any thread may."""
        with suppress(OSError):  # full, or closed: it has been asked for
            self._writer.send(b"\0")

    def wait(self, timeout: float | None) -> bool:
        """Wait for a request at most `timeout` seconds; whether there is one."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def close(self) -> None:
        """Listen no more."""
        signal.set_wakeup_fd(-1)
        self._writer.close()
        self._reader.close()
