"""Which processors a sandbox runs on. It cannot choose others: the system call filter forbids it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def confined(count: int) -> Iterator[None]:
    """Let this thread, and what it starts, run on `count` processors: every time on the next ones."""
    usual = os.sched_getaffinity(0)
    if count >= len(usual):
        yield
        return
    os.sched_setaffinity(0, set(itertools.islice(_turn(frozenset(usual)), count)))
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


@functools.cache
def _turn(processors: frozenset[int]) -> Iterator[int]:
    return itertools.cycle(sorted(processors))
