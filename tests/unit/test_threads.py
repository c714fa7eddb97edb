"""Work in threads: in order, at most so much at once, errors and deadlines told, no thread left of what has ended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.threads import DeadlineError, in_parallel, within
from support.processes import DEADLINE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_results_are_in_order_whichever_comes_first() -> None:
    second = threading.Event()

    def call(number: int) -> int:
        if number == 0:
            assert second.wait(DEADLINE)
        else:
            second.set()
        return number

    assert list(in_parallel(call, range(5))) == [0, 1, 2, 3, 4]


def test_no_more_is_taken_ahead_than_is_allowed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(9):
            taken.append(number)
            yield number

    results = in_parallel(abs, items(), 3)
    assert (next(results), len(taken)) == (0, 3)
    assert (next(results), len(taken)) == (1, 4)


def test_an_error_is_raised_in_its_turn() -> None:
    results = in_parallel(lambda number: 1 // number, [1, 0])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_comes_in_time_is_yielded_before_the_deadline_is_told() -> None:
    never = threading.Event()

    def call() -> Iterator[str]:
        yield "first"
        never.wait()

    values = within(0.2, call)
    assert next(values) == "first"
    with pytest.raises(DeadlineError):
        next(values)
    never.set()


def test_no_thread_is_left_of_what_has_ended() -> None:
    before = threading.active_count()
    for _ in range(5):
        assert list(in_parallel(abs, range(4))) == [0, 1, 2, 3]
        (answer,) = within(DEADLINE, lambda: iter(("answer",)))
        assert answer == "answer"
    assert eventually(lambda: threading.active_count() <= before)
