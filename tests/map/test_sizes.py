"""Sizes of batches and the pace of requests, as numbers."""

from __future__ import annotations

import pytest

from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.map.options import Halt, Options
from agentcore_sandbox.map.pace import TokenBucket
from agentcore_sandbox.map.sizes import HORIZON, LONGEST_WAIT, Sizes


def known(seconds: float, parallel: int = 2) -> Sizes:
    sizes = Sizes(parallel, 30)
    sizes.learn(seconds)
    return sizes


def test_a_session_gets_little_until_it_is_known_how_long_items_take() -> None:
    assert Sizes(2, 30).size(0, 1000, 1000, 10) == 8
    assert Sizes(2, 30).size(0, 100, 1000, 500) == 2
    assert known(0.01).size(0, 10_000, 10_000, 10) == 2 + 2 * HORIZON / 0.01
    assert known(60).size(0, 1000, 1000, 10) == 3  # one waits for its turn, so that no processor does
    assert known(60).size(3, 1000, 1000, 10) == 0
    assert known(1).size(0, 500, 1000, 100) == 10  # its share of what is left, so that all end at a time
    assert known(0.01).size(0, 3, 3, 1) == 3


def test_a_thousand_sessions_get_work_until_they_can_be_asked_again() -> None:
    sizes = known(1)
    assert sizes.interval(1000) > 33
    assert sizes.size(0, 1_000_000, 1_000_000, 1000) >= 2 * sizes.interval(1000)
    assert sizes.wait(1000) == LONGEST_WAIT


def test_a_silent_session_is_asked_less_often() -> None:
    sizes = known(1)
    assert sizes.pause(20, 0) == sizes.pause(1000, 0) == 0
    assert sizes.pause(1000, 3) > sizes.pause(1000, 1) > 30
    assert known(600).expected(2, 20) < 60


def test_a_session_is_started_only_where_it_helps() -> None:
    assert Sizes(2, 30).is_worth_a_session(10, 100)
    assert known(600).is_worth_a_session(2000, 900)
    assert not known(1).is_worth_a_session(2, 1)  # done before it has started
    assert known(1).is_worth_a_session(1000, 50)
    assert not known(1).is_worth_a_session(1000, 150)  # its requests would take longer than what it saves


def test_a_bucket_gives_a_token_at_a_time_and_slows_down_once_a_second() -> None:
    bucket = TokenBucket(10)
    delays = [bucket.delay() for _ in range(11)]
    assert delays == sorted(delays)
    assert 0.9 < delays[-1] - delays[0] <= 1.0
    bucket.throttled()
    bucket.throttled()
    assert bucket.rate == 7
    for _ in range(100):
        bucket.answered()
    assert bucket.rate == 10


def test_halt() -> None:
    assert Halt.read("soon,fail=3").is_reached(3, 1000)
    assert not Halt.read("now,fail=10%").is_reached(99, 1000)
    assert Halt.read("now,fail=10%").is_reached(100, 1000)
    for wrong in ("", "soon", "later,fail=1", "now,fail=0", "now,fail=101%", "now,fail=x"):
        with pytest.raises(UsageError):
            Halt.read(wrong)
    with pytest.raises(UsageError):
        Options(limit=2 << 20)
