"""Calls at a later time."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from agentcore_emulator.service.timers import Alarms
from support.service import LONG


def test_alarms_ring_in_the_order_of_their_times() -> None:
    rung: list[str] = []
    done = threading.Event()

    def later() -> None:
        rung.append("later")
        done.set()

    with closing(Alarms()) as alarms:
        alarms.after(0.05, later)
        alarms.after(0.01, lambda: rung.append("sooner"))
        assert done.wait(LONG)
    assert rung == ["sooner", "later"]


def test_a_cancelled_alarm_does_not_ring() -> None:
    rung, done = threading.Event(), threading.Event()
    with closing(Alarms()) as alarms:
        alarms.cancel(alarms.after(0.01, rung.set))
        alarms.after(0.02, done.set)
        assert done.wait(LONG)
    assert not rung.is_set()


def test_a_limit_rings_only_while_its_block_runs() -> None:
    inside, outside, done = threading.Event(), threading.Event(), threading.Event()
    with closing(Alarms()) as alarms:
        with alarms.limit(0.01, inside.set):
            assert inside.wait(LONG)
        with alarms.limit(0.01, outside.set):
            pass
        alarms.after(0.02, done.set)
        assert done.wait(LONG)
    assert not outside.is_set()


def test_cancelled_alarms_do_not_pile_up() -> None:
    with closing(Alarms()) as alarms:
        kept = [alarms.after(LONG * 10, pytest.fail) for _ in range(10)]
        for _ in range(10_000):
            with alarms.limit(LONG * 10, pytest.fail):
                pass
        assert len(alarms._heap) < 1000
        assert set(map(id, kept)) <= set(map(id, alarms._heap))
