"""Sandboxes that wait for a session: when there are some, how many, and that none is left."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.service import spares as spares_module
from agentcore_emulator.service.spares import MOST, Spares
from agentcore_emulator.service.timers import Timers
from support.processes import eventually
from support.service import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator


class Made:
    """What is made and discarded, in the order of both; `failing` makes fail."""

    def __init__(self) -> None:
        self.made: list[bool] = []
        self.discarded: list[int] = []
        self.failing = False
        self.goes_on = threading.Event()
        self.goes_on.set()

    def make(self, network: bool) -> int:  # noqa: FBT001 - as spares call it
        assert self.goes_on.wait(LONG)
        if self.failing:
            raise OSError
        self.made.append(network)
        return len(self.made)


@contextmanager
def waiting(made: Made) -> Iterator[Spares[int]]:
    timers = Timers()
    spares = Spares(made.make, made.discarded.append, timers)
    try:
        yield spares
    finally:
        spares.close()
        timers.close()


def series(spares: Spares[int], room: int = 100, *, network: bool = False) -> None:
    for _ in range(2):
        spares.prepare(room, network=network)


def test_one_session_alone_gets_no_company() -> None:
    made = Made()
    with waiting(made) as spares:
        spares.prepare(100, network=False)
        assert spares.take(network=False) is None
    assert made.made == []


def test_a_series_finds_them_and_what_is_left_ends() -> None:
    made = Made()
    with waiting(made) as spares:
        series(spares)
        taken = [spares.take(network=False) for _ in range(MOST + 1)]
        assert sorted(filter(None, taken)) == list(range(1, MOST + 1))
        assert taken[MOST] is None
        spares.prepare(100, network=False)
        assert made.discarded == []
    assert len(made.discarded) == MOST
    assert len(made.made) == 2 * MOST
    assert not set(taken) & set(made.discarded)


@pytest.mark.parametrize("room", [0, 1])
def test_sessions_and_spares_are_no_more_than_allowed(room: int) -> None:
    made = Made()
    with waiting(made) as spares:
        series(spares, room)
    assert len(made.made) == room


def test_those_for_which_room_has_become_scarce_end() -> None:
    made = Made()
    with waiting(made) as spares:
        series(spares)
        spares.prepare(0, network=False)
        assert spares.take(network=False) is None
        eventually(lambda: len(made.discarded) == MOST)


def test_a_start_that_is_under_way_is_waited_for() -> None:
    made = Made()
    made.goes_on.clear()
    with waiting(made) as spares:
        series(spares)
        threading.Timer(0.1, made.goes_on.set).start()
        assert spares.take(network=False)


def test_of_the_other_kind_none_is_taken_and_none_stays() -> None:
    made = Made()
    with waiting(made) as spares:
        series(spares, network=True)
        assert spares.take(network=False) is None
        eventually(lambda: len(made.discarded) == MOST)
    assert made.made == [True] * MOST


def test_a_failed_one_is_not_taken() -> None:
    made = Made()
    made.failing = True
    with waiting(made) as spares:
        series(spares)
        assert spares.take(network=False) is None
    assert made.discarded == []


def test_idle_ones_end(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    with waiting(made) as spares:
        monkeypatch.setattr(spares_module, "SERIES_SECONDS", 1.0)
        series(spares)
        eventually(lambda: len(made.discarded) == MOST)
        assert spares.take(network=False) is None


def test_none_is_made_after_the_end() -> None:
    made = Made()
    with waiting(made) as spares:
        spares.close()
        series(spares)
    assert made.made == made.discarded
