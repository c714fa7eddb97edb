"""Call functions at a later time, all from one thread."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds() -> float:
    """Seconds of a clock that nobody can set and that runs on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


@dataclass
class Timer:
    """One call to come."""

    action: Callable[[], object]
    cancelled: bool = False


class Timers:
    """A thread that waits for the next timer. Actions must return quickly."""

    _LONGEST_WAIT = 30.0  # a sleeping machine's wake-up is noticed this late, in seconds
    _FEW = 64  # so many cancelled timers may stay in the heap

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []  # by times, equal ones in their order
        self._cancelled = 0
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def after(self, delay: float, action: Callable[[], object]) -> Timer:
        """Call `action` once, `delay` seconds from now."""
        timer = Timer(action)
        with self._changed:
            heapq.heappush(self._heap, (seconds() + delay, next(self._order), timer))
            if self._heap[0][2] is timer:
                self._changed.notify()
        return timer

    def cancel(self, timer: Timer) -> None:
        """Do not call this one any more."""
        with self._changed:
            timer.cancelled = True
            self._cancelled += 1
            if self._cancelled > self._FEW + len(self._heap) // 2:
                self._forget_cancelled()

    @contextmanager
    def limit(self, delay: float, action: Callable[[], object]) -> Iterator[None]:
        """Call `action` if the block takes longer than `delay` seconds."""
        timer = self.after(delay, action)
        try:
            yield
        finally:
            self.cancel(timer)

    def close(self) -> None:
        """End the thread; timers to come are dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (timer := self._next()) is not None:
            try:
                timer.action()
            except Exception:  # noqa: BLE001 - no thread can be started, say: the other timers must go on
                _log.exception("a timer failed")

    def _next(self) -> Timer | None:
        with self._changed:
            while not self._closed:
                if self._heap and self._heap[0][0] <= seconds():
                    timer = heapq.heappop(self._heap)[2]
                    if not timer.cancelled:
                        return timer
                else:
                    self._changed.wait(self._pause())
            return None

    def _pause(self) -> float | None:
        return min(self._heap[0][0] - seconds(), self._LONGEST_WAIT) if self._heap else None

    def _forget_cancelled(self) -> None:
        self._heap = [entry for entry in self._heap if not entry[2].cancelled]
        heapq.heapify(self._heap)
        self._cancelled = 0
