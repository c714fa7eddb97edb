"""Calls at a later time."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from agentcore_emulator.service.timers import Timers
from support.service import LONG


def test_timers_ring_in_the_order_of_their_times() -> None:
    rung: list[str] = []
    done = threading.Event()

    def later() -> None:
        rung.append("later")
        done.set()

    with closing(Timers()) as timers:
        timers.after(0.05, later)
        timers.after(0.01, lambda: rung.append("sooner"))
        assert done.wait(LONG)
    assert rung == ["sooner", "later"]


def test_a_cancelled_timer_does_not_ring() -> None:
    rung, done = threading.Event(), threading.Event()
    with closing(Timers()) as timers:
        timers.cancel(timers.after(0.01, rung.set))
        timers.after(0.02, done.set)
        assert done.wait(LONG)
    assert not rung.is_set()


def test_a_limit_rings_only_while_its_block_runs() -> None:
    inside, outside, done = threading.Event(), threading.Event(), threading.Event()
    with closing(Timers()) as timers:
        with timers.limit(0.01, inside.set):
            assert inside.wait(LONG)
        with timers.limit(0.01, outside.set):
            pass
        timers.after(0.02, done.set)
        assert done.wait(LONG)
    assert not outside.is_set()


def test_cancelled_timers_do_not_pile_up() -> None:
    with closing(Timers()) as timers:
        kept = [timers.after(LONG * 10, pytest.fail) for _ in range(10)]
        for _ in range(10_000):
            with timers.limit(LONG * 10, pytest.fail):
                pass
        assert len(timers._heap) < 1000
        assert set(map(id, kept)) <= {id(timer) for _, _, timer in timers._heap}
