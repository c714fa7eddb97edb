"""Callers that hang up."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.service.disconnects import Disconnects
from support.service import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def disconnects() -> Iterator[Disconnects]:
    with closing(Disconnects()) as disconnects:
        yield disconnects


@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_caller_that_hangs_up_is_noticed(disconnects: Disconnects, how: int) -> None:
    cancelled = threading.Event()
    caller, ours = socket.socketpair()
    with caller, ours, disconnects.watch(ours, cancelled):
        caller.send(b"the next request")
        caller.shutdown(how)
        assert cancelled.wait(LONG)


def test_a_caller_that_stays_is_left_alone(disconnects: Disconnects) -> None:
    cancelled, other = threading.Event(), threading.Event()
    caller, ours = socket.socketpair()
    leaver, theirs = socket.socketpair()
    with caller, ours, theirs, disconnects.watch(ours, cancelled), disconnects.watch(theirs, other):
        caller.send(b"the next request")
        leaver.close()
        assert other.wait(LONG)
        assert not cancelled.is_set()


def test_a_connection_can_be_watched_again(disconnects: Disconnects) -> None:
    first, second = threading.Event(), threading.Event()
    caller, ours = socket.socketpair()
    with caller, ours:
        with disconnects.watch(ours, first):
            pass
        with disconnects.watch(ours, second):
            caller.close()
            assert second.wait(LONG)
    assert not first.is_set()
