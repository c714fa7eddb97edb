"""Lanes: the threads that send the requests of one operation, as many as its pace needs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from agentcore_sandbox.threads import too_many_threads

Then = Callable[[Any, "Exception | None"], None]


class Finished(NamedTuple):
    """A call that has ended: what it returned, or what it raised, goes to `then`."""

    then: Then
    value: Any
    error: Exception | None


class Lane:
    """Calls functions in daemon threads, which neither a signal nor the end of the process waits for.

    Args:
        width: The most threads. They are made when they are needed.
        finished: Takes what has ended. It is bounded, so that answers that nobody has dealt with fill no memory.
    """

    def __init__(self, width: int, finished: queue.Queue[Finished]) -> None:
        self._width = width
        self._finished = finished
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Then] | None] = queue.SimpleQueue()
        self._threads = 0
        self._pending = 0
        self._lock = threading.Lock()

    def call(self, function: Callable[[], Any], then: Then) -> None:
        """Call a function in a thread; `then` gets the outcome where `finished` is read."""
        with self._lock:
            self._pending += 1
            is_short = self._pending > self._threads and self._threads < self._width
        if is_short:
            self._start_thread()
        self._calls.put((function, then))

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, daemon=True).start()
        except RuntimeError:  # how Python says that the system refused
            self._width = self._threads
            if not self._threads:
                raise too_many_threads() from None
        else:
            self._threads += 1

    def clear(self) -> list[Then]:
        """Forget the calls that have not begun; returns where their outcomes would have gone."""
        forgotten: list[Then] = []
        while True:
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                with self._lock:
                    self._pending -= len(forgotten)
                return forgotten
            forgotten += [call[1]] if call else []

    def close(self) -> None:
        """Let the threads end when there is nothing left to do."""
        for _ in range(self._threads):
            self._calls.put(None)

    def _work(self) -> None:
        while call := self._calls.get():
            function, then = call
            try:
                outcome = Finished(then, function(), None)
            except Exception as error:  # noqa: BLE001 - it is dealt with where `finished` is read
                outcome = Finished(then, None, error)
            with self._lock:
                self._pending -= 1
            self._finished.put(outcome)
            del call, function, then, outcome  # the output of a batch
