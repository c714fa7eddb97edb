"""What the main thread of the service waits for."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.serve import StopRequest
from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNAL = signal.SIGUSR1


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    before = signal.getsignal(SIGNAL)
    with closing(StopRequest([SIGNAL])) as stop:
        yield stop
    signal.signal(SIGNAL, before)


def test_a_signal_that_another_thread_takes_is_a_request(stop: StopRequest) -> None:
    other = threading.Event()
    thread = threading.Thread(target=other.wait)
    thread.start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [SIGNAL])
    try:
        threading.Timer(0.1, os.kill, [os.getpid(), SIGNAL]).start()
        assert stop.wait(DEADLINE)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [SIGNAL])
        other.set()
        thread.join()


def test_any_number_of_requests_by_threads_is_one(stop: StopRequest) -> None:
    assert not stop.wait(0)
    for _ in range(100_000):
        stop.set()
    assert stop.wait(0)
    assert stop.wait(None)


def test_a_request_to_who_no_longer_listens_changes_nothing(stop: StopRequest) -> None:
    stop.close()
    stop.set()
