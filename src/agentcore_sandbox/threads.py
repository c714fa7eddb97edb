"""Calls in daemon threads: neither a signal nor the end of the process waits for them."""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT_ONCE = 2
POLL_SECONDS = 0.2  # Windows does not interrupt a wait on Ctrl-C

A = TypeVar("A")
B = TypeVar("B")


class DeadlineError(Exception):
    """A call did not end in time; its thread is abandoned."""


def within(seconds: float, call: Callable[[], Iterator[A]]) -> Iterator[A]:
    """Run an iterator in a thread, from now on, and yield its items; all together may take this many seconds.

    The main thread only waits, so that a signal or the deadline takes effect at once, whatever a library does.

    Raises:
        DeadlineError: The iterator has not ended by then.
    """
    return _values(_start(call), time.monotonic() + seconds)


def wait(event: threading.Event, seconds: float | None) -> None:
    """Wait until an event is set, or as many seconds have passed; a signal takes effect at once."""
    deadline = time.monotonic() + (math.inf if seconds is None else seconds)
    while not event.wait(POLL_SECONDS) and time.monotonic() < deadline:
        pass


def in_parallel(call: Callable[[A], B], items: Iterable[A], at_once: int = AT_ONCE) -> Iterator[B]:
    """Call a thread-safe function with each item, `at_once` of them at a time; yields the results in order.

    Items are taken by the calling thread.
    """

    def start(item: A) -> queue.Queue[tuple[str, Any]]:
        return _start(lambda: iter((call(item),)))

    waiting = iter(items)
    running = deque(map(start, itertools.islice(waiting, at_once)))
    while running:
        yield next(_values(running.popleft(), math.inf))
        running.extend(map(start, itertools.islice(waiting, 1)))


def _start(call: Callable[[], Iterator[Any]]) -> queue.Queue[tuple[str, Any]]:
    """Run an iterator in a daemon thread, in the caller's context; it waits for ever when nobody takes the next item.

    The queue holds one item, so that a slow reader slows the iterator down instead of filling memory.
    """
    # Not an executor, whose threads delay the end of an interrupted process.
    items: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=1)
    try:
        threading.Thread(target=copy_context().run, args=(_drain, call, items), daemon=True).start()
    except RuntimeError:  # how Python says that the system refused
        raise too_many_threads() from None
    return items


def too_many_threads() -> AgentcoreSandboxError:
    """The error for a thread that the system does not start."""
    hint = "end other programs of yours, or raise the limit: ulimit -u"
    return AgentcoreSandboxError("TooManyThreads", "the system starts no further thread", hint)


def _drain(call: Callable[[], Iterator[Any]], items: queue.Queue[tuple[str, Any]]) -> None:
    try:
        for item in call():
            items.put(("item", item))
    except BaseException as error:  # noqa: BLE001 - raised again by the waiting thread
        items.put(("error", error))
    else:
        items.put(("end", None))


def _values(items: queue.Queue[tuple[str, Any]], deadline: float) -> Iterator[Any]:
    while True:
        kind, value = _take(items, deadline)
        if kind == "end":
            return
        if kind == "error":
            raise value
        yield value


def _take(items: queue.Queue[tuple[str, Any]], deadline: float) -> tuple[str, Any]:
    while True:
        try:
            return items.get(timeout=max(0.0, min(POLL_SECONDS, deadline - time.monotonic())))
        except queue.Empty:
            if time.monotonic() >= deadline:
                raise DeadlineError from None
