"""Several requests at a time: one is prepared while others are on their way."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from concurrent import futures
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT_ONCE = 2
POLL_SECONDS = 0.2  # Windows does not interrupt a wait on Ctrl-C

A = TypeVar("A")
B = TypeVar("B")


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
