"""Two requests at a time: one is prepared while the other is on its way."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AT_ONCE = 2

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
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        running: deque[Future[B]] = deque(pool.submit(call, item) for item in itertools.islice(waiting, AT_ONCE))
        while running:
            yield running.popleft().result()
            running.extend(pool.submit(call, item) for item in itertools.islice(waiting, 1))
    finally:
        # Whoever is interrupted does not wait here.
        pool.shutdown(wait=False, cancel_futures=True)
