"""Idempotent requests."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentcore_emulator.service.client_tokens import ClientTokens
from agentcore_emulator.service.errors import ServiceError
from support.service import LONG


def test_a_repeated_token_gets_the_first_answer_and_acts_once() -> None:
    acts: list[int] = []
    tokens: ClientTokens[int] = ClientTokens()

    def act() -> int:
        acts.append(1)
        return len(acts)

    assert [tokens.once("token", "asked", act) for _ in range(3)] == [1, 1, 1]
    assert tokens.once("another", "asked", act) == 2


def test_repeats_wait_for_the_first() -> None:
    tokens: ClientTokens[str] = ClientTokens()
    go, repeats = threading.Event(), 8

    def act() -> str:
        assert go.wait(LONG)
        return "the one"

    with ThreadPoolExecutor(repeats) as pool:
        answers = [pool.submit(tokens.once, "token", "asked", act) for _ in range(repeats)]
        go.set()
        assert {answer.result(LONG) for answer in answers} == {"the one"}


@pytest.mark.aws("assumed", "Requests", "A client token with other parameters is a `ValidationException`")
def test_other_parameters_are_refused() -> None:
    tokens: ClientTokens[int] = ClientTokens()
    tokens.once("token", "asked", int)
    with pytest.raises(ServiceError) as raised:
        tokens.once("token", "something else", int)
    assert raised.value.details["reason"] == "IdempotentParameterMismatchException"


def test_a_failure_is_told_and_the_token_free_again() -> None:
    tokens: ClientTokens[int] = ClientTokens()

    def fail() -> int:
        raise ServiceError("ThrottlingException", 429, "slow down")

    with pytest.raises(ServiceError, match="slow down"):
        tokens.once("token", "asked", fail)
    assert tokens.once("token", "asked", lambda: 7) == 7


@pytest.mark.aws("assumed", "Requests", "A client token is remembered for the newest 10,000 requests")
def test_only_the_newest_tokens_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClientTokens, "_KEPT", 2)
    tokens: ClientTokens[str] = ClientTokens()
    for name in ("a", "b", "c"):
        tokens.once(name, "asked", lambda: "first")
    assert tokens.once("a", "asked", lambda: "second") == "second"
    assert tokens.once("c", "asked", lambda: "second") == "first"
