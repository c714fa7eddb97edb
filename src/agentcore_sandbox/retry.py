"""Retries with exponential back-off and jitter."""

from __future__ import annotations

import random
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds

ATTEMPT: ContextVar[int] = ContextVar("attempt", default=1)
"""Which attempt is being made."""

T = TypeVar("T")


def retry(call: Callable[[], T], *, attempts: int, is_transient: Callable[[Exception], bool]) -> T:
    """Call until it succeeds, fails for good, or has failed `attempts` times."""
    before = ATTEMPT.get()
    try:
        for attempt in range(attempts - 1):
            ATTEMPT.set(before + attempt)
            try:
                return call()
            except Exception as error:
                if not is_transient(error):
                    raise
            pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
            time.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311 - jitter
        ATTEMPT.set(before + attempts - 1)
        return call()
    finally:
        ATTEMPT.set(before)
