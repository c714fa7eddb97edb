"""Call functions at a later time, all from one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def seconds() -> float:
    """Seconds of a clock that nobody can set and that runs on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


@dataclass(order=True)
class Alarm:
    """One call to come; `order` keeps equal times in their order."""

    due: float
    order: int
    action: Callable[[], object] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class Alarms:
    """A thread that waits for the next alarm. Actions must return quickly and not raise."""

    _LONGEST_WAIT = 30.0  # a sleeping machine's wake-up is noticed this late, in seconds
    _FEW = 64  # so many cancelled alarms may stay in the heap

    def __init__(self) -> None:
        self._heap: list[Alarm] = []
        self._cancelled = 0
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def after(self, delay: float, action: Callable[[], object]) -> Alarm:
        """Call `action` once, `delay` seconds from now."""
        with self._changed:
            alarm = Alarm(seconds() + delay, next(self._order), action)
            heapq.heappush(self._heap, alarm)
            if self._heap[0] is alarm:
                self._changed.notify()
        return alarm

    def cancel(self, alarm: Alarm) -> None:
        """Do not call this one any more."""
        with self._changed:
            alarm.cancelled = True
            self._cancelled += 1
            if self._cancelled > self._FEW + len(self._heap) // 2:
                self._forget_cancelled()

    @contextmanager
    def limit(self, delay: float, action: Callable[[], object]) -> Iterator[None]:
        """Call `action` if the block takes longer than `delay` seconds."""
        alarm = self.after(delay, action)
        try:
            yield
        finally:
            self.cancel(alarm)

    def close(self) -> None:
        """End the thread; alarms to come are dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (alarm := self._next()) is not None:
            alarm.action()

    def _next(self) -> Alarm | None:
        with self._changed:
            while not self._closed:
                if self._heap and self._heap[0].due <= seconds():
                    alarm = heapq.heappop(self._heap)
                    if not alarm.cancelled:
                        return alarm
                else:
                    self._changed.wait(self._pause())
            return None

    def _pause(self) -> float | None:
        return min(self._heap[0].due - seconds(), self._LONGEST_WAIT) if self._heap else None

    def _forget_cancelled(self) -> None:
        self._heap = [alarm for alarm in self._heap if not alarm.cancelled]
        heapq.heapify(self._heap)
        self._cancelled = 0
