"""What a session tells of its items is checked: no other items, no two stories, no size that fills the memory."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.errors import AgentcoreSandboxError, LostAnswerError, UnexpectedAnswerError
from agentcore_sandbox.map.exchange import read_answer

OPEN = ["0-1", "7-2"]
RECORD = {"key": "7-2", "exit": 0, "stdout": "", "stderr": "", "stdoutCut": 0, "stderrCut": 0, "seconds": 0.1}
ANSWER: dict[str, Any] = {"alive": True, "records": [RECORD], "missing": [], "lost": [], "waiting": 0, "more": False}
HOSTILE = {
    "another item": {"records": [{**RECORD, "key": "3-1"}]},
    "another attempt": {"records": [{**RECORD, "key": "7-1"}]},
    "two stories": {"records": [RECORD, {**RECORD, "exit": 1}]},
    "lost, and not": {"lost": ["7-2"]},
    "missing, and not": {"missing": ["7-2"]},
    "lost twice": {"records": [], "lost": ["0-1", "0-1"]},
    "not its own": {"missing": ["9-1"]},
    "no key": {"records": [{"exit": 0}]},
    "a list as key": {"records": [{**RECORD, "key": ["7-2"]}]},
    "no text": {"records": [{**RECORD, "stdout": 5}]},
    "no status": {"records": [{**RECORD, "exit": "x"}]},
    "endless": {"records": [{**RECORD, "exit": float("inf")}]},
    "no records": {"records": None},
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(OPEN),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*ANSWER, *RECORD]), inner),
    max_leaves=12,
)


def packed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value).encode())


def test_a_good_answer() -> None:
    answer = read_answer(packed(ANSWER), OPEN)
    assert [(outcome.key, outcome.exit_code) for outcome in answer.outcomes] == [("7-2", 0)]
    numbers = {**RECORD, "exit": 70_000, "seconds": -5, "timedOut": 1}
    (outcome,) = read_answer(packed({**ANSWER, "records": [numbers], "waiting": 10**9}), OPEN).outcomes
    assert (outcome.exit_code, outcome.seconds, outcome.timed_out) == (255, 0.0, False)
    with pytest.raises(LostAnswerError):
        read_answer(packed({"outdated": True}), OPEN)


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer(change: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswerError):
        read_answer(packed({**ANSWER, **change}), OPEN)


def test_answers_that_would_fill_the_memory() -> None:
    for bomb in (b"[" * 100_000, b" " * (64 << 20)):
        with pytest.raises(UnexpectedAnswerError):
            read_answer(zlib.compress(bomb), OPEN)
    with pytest.raises(UnexpectedAnswerError):
        read_answer(packed(ANSWER)[:-3], OPEN)


@given(st.fixed_dictionaries({name: VALUES | st.just(ANSWER[name]) for name in ANSWER}) | VALUES)
def test_any_answer_is_understood_or_refused(value: Any) -> None:
    try:
        answer = read_answer(packed(value), OPEN)
    except AgentcoreSandboxError:
        return
    told = [*(outcome.key for outcome in answer.outcomes), *answer.missing, *answer.lost]
    assert sorted(told) == sorted(set(told) & set(OPEN))
