"""Work in threads that neither a signal nor the end of the process has to wait for."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections import deque
from concurrent import futures
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT_ONCE = 2
POLL_SECONDS = 0.2  # Windows does not interrupt a wait on Ctrl-C

A = TypeVar("A")
B = TypeVar("B")


class DeadlineError(Exception):
    """A call did not end in time; it is left to itself."""


def within(seconds: float, call: Callable[[], Iterator[A]]) -> Iterator[A]:
    """Run an iterator in a thread and yield what it gives, until the deadline.

    The main thread only waits, so that a signal or the deadline ends it at once, wherever the library is. The queue
    holds one item: a slow printer slows the reading down instead of filling the memory.

    Args:
        seconds: Until the deadline, of all items together.
        call: Makes the iterator.

    Raises:
        DeadlineError: It has not ended by then.
    """
    items: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=1)
    threading.Thread(target=_drain, args=(call, items), daemon=True).start()
    deadline = time.monotonic() + seconds
    while True:
        try:
            kind, value = items.get(timeout=max(0.0, min(POLL_SECONDS, deadline - time.monotonic())))
        except queue.Empty:
            if time.monotonic() >= deadline:
                raise DeadlineError from None
            continue
        if kind == "end":
            return
        if kind == "error":
            raise value
        yield value


def _drain(call: Callable[[], Iterator[Any]], items: queue.Queue[tuple[str, Any]]) -> None:
    try:
        for item in call():
            items.put(("item", item))
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
        items.put(("error", error))
    else:
        items.put(("end", None))


def in_parallel(call: Callable[[A], B], items: Iterable[A], at_once: int = AT_ONCE) -> Iterator[B]:
    """Call a function with each item in threads.

    Args:
        call: What may be called by several threads.
        items: Read by the thread that asks.
        at_once: How many items are taken ahead of what is yielded.

    Yields:
        The results, in order.
    """
    waiting = iter(items)
    running = deque(_start(call, item) for item in itertools.islice(waiting, at_once))
    while running:
        yield _result(running.popleft())
        running.extend(_start(call, item) for item in itertools.islice(waiting, 1))


def _start(call: Callable[[A], B], item: A) -> futures.Future[B]:
    # Not an executor: its threads hold back the end of a process that was interrupted.
    future: futures.Future[B] = futures.Future()
    threading.Thread(target=_run, args=(future, call, item), daemon=True).start()
    return future


def _run(future: futures.Future[B], call: Callable[[A], B], item: A) -> None:
    try:
        future.set_result(call(item))
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
        future.set_exception(error)


def _result(future: futures.Future[B]) -> B:
    while not futures.wait([future], POLL_SECONDS).done:
        pass
    return future.result()
