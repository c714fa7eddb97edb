"""Sandboxes that wait: started before a session asks for them, while sessions come one after the other."""

from __future__ import annotations

import functools
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_emulator.service.timers import Timers

MOST = 2
"""Spares that wait or start, each with 14 MB of memory: as many as two processors can start at once."""
SERIES_SECONDS = 30.0
"""Sessions that follow each other more slowly are no series; when nobody has started one for so long, spares end."""

Made = TypeVar("Made")


class Spares(Generic[Made]):
    """What `make` makes in advance, with or without network; `discard` takes what nobody needed."""

    def __init__(self, make: Callable[[bool], Made], discard: Callable[[Made], object], timers: Timers) -> None:
        self._make = make
        self._discard = discard
        self._timers = timers
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="spare")
        self._waiting: list[tuple[bool, Future[Made]]] = []
        self._last = -SERIES_SECONDS
        self._closed = False

    def take(self, *, network: bool) -> Made | None:
        """Return the oldest spare, when it has started; None where there is none of this kind, or it failed."""
        with self._lock:
            oldest = next((spare for spare in self._waiting if spare[0] == network), None)
            if oldest:
                self._waiting.remove(oldest)
        if oldest is None:
            self.drop()  # those of the other kind may be too many beside what is started now
            return None
        return None if oldest[1].exception() else oldest[1].result()

    def prepare(self, room: int, *, network: bool) -> None:
        """Start spares where the session that has just been started is one of a series; leave at most `room`."""
        with self._lock:
            now = time.monotonic()
            is_series, self._last = now - self._last < SERIES_SECONDS, now
            self._end_surplus(room)
            while is_series and not self._closed and len(self._waiting) < min(MOST, room):
                self._waiting.append((network, self._threads.submit(self._make, network)))
        if is_series:
            self._timers.after(SERIES_SECONDS, functools.partial(self._drop_unasked, now))

    def drop(self) -> None:
        """End the spares, soon."""
        with self._lock:
            self._end_surplus(0)

    def close(self) -> None:
        """Make no more; none is left when this returns."""
        with self._lock:
            self._closed = True
        self.drop()
        self._threads.shutdown()

    def _drop_unasked(self, since: float) -> None:
        if self._last == since:
            self.drop()

    def _end_surplus(self, most: int) -> None:
        while len(self._waiting) > most:
            self._threads.submit(self._end, self._waiting.pop()[1])

    def _end(self, spare: Future[Made]) -> None:
        if not spare.exception():
            self._discard(spare.result())
