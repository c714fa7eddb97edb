"""Two requests at a time: one is prepared while the other is on its way."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT_ONCE = 2
LOOK_SECONDS = 0.2  # Windows does not interrupt a wait on Ctrl-C

A = TypeVar("A")
B = TypeVar("B")


def in_parallel(call: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Call a function with each item in threads; no more than `AT_ONCE` items are taken ahead of what is yielded.

    Args:
        call: What may be called by several threads.
        items: Read by the thread that asks.

    Yields:
        The results, in order.
    """
    waiting = iter(items)
    running = deque(_start(call, item) for item in itertools.islice(waiting, AT_ONCE))
    while running:
        yield _result(running.popleft())
        running.extend(_start(call, item) for item in itertools.islice(waiting, 1))


def _start(call: Callable[[A], B], item: A) -> Future[B]:
    """Call in a thread that nobody waits for at the end: the threads of a pool would keep an interrupted process."""
    future: Future[B] = Future()
    threading.Thread(target=_settle, args=(call, item, future), daemon=True).start()
    return future


def _settle(call: Callable[[A], B], item: A, future: Future[B]) -> None:
    try:
        future.set_result(call(item))
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
        future.set_exception(error)


def _result(future: Future[B]) -> B:
    while not future.done():
        wait([future], LOOK_SECONDS)
    return future.result()
