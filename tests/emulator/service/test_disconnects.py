"""Callers that hang up."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.service.disconnects import Departures
from support.service import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def departures() -> Iterator[Departures]:
    with closing(Departures()) as departures:
        yield departures


@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_caller_that_hangs_up_is_noticed(departures: Departures, how: int) -> None:
    cancelled = threading.Event()
    caller, ours = socket.socketpair()
    with caller, ours, departures.watch(ours, cancelled):
        caller.send(b"the next request")
        caller.shutdown(how)
        assert cancelled.wait(LONG)


def test_a_caller_that_stays_is_left_alone(departures: Departures) -> None:
    cancelled, other = threading.Event(), threading.Event()
    caller, ours = socket.socketpair()
    leaver, theirs = socket.socketpair()
    with caller, ours, theirs, departures.watch(ours, cancelled), departures.watch(theirs, other):
        caller.send(b"the next request")
        leaver.close()
        assert other.wait(LONG)
        assert not cancelled.is_set()


def test_a_connection_can_be_watched_again(departures: Departures) -> None:
    first, second = threading.Event(), threading.Event()
    caller, ours = socket.socketpair()
    with caller, ours:
        with departures.watch(ours, first):
            pass
        with departures.watch(ours, second):
            caller.close()
            assert second.wait(LONG)
    assert not first.is_set()
