"""Notice that a caller has hung up while its tool still runs."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLONESHOT


class Disconnects:
    """One thread that watches every connection with a running tool. A half-closed connection counts as gone."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._cancelled: dict[int, threading.Event] = {}
        self._wake, self._woken = socket.socketpair()
        self._epoll.register(self._woken, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="disconnects", daemon=True)
        self._thread.start()

    @contextmanager
    def watch(self, connection: socket.socket, cancelled: threading.Event) -> Iterator[None]:
        """Set `cancelled` if the other side of `connection` goes away during the block."""
        number = connection.fileno()
        self._cancelled[number] = cancelled
        self._epoll.register(number, _GONE)
        try:
            yield
        finally:
            self._epoll.unregister(number)
            del self._cancelled[number]

    def close(self) -> None:
        """End the thread."""
        self._wake.close()
        self._thread.join()
        self._epoll.close()
        self._woken.close()

    def _run(self) -> None:
        while True:
            for number, _ in self._epoll.poll():
                if number == self._woken.fileno():
                    return
                if cancelled := self._cancelled.get(number):
                    cancelled.set()
