"""What the store of named sessions tells of the session that a name stood for before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from agentcore_sandbox.aws import attachments
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError
from agentcore_sandbox.sessions.named import Carry, Found, NamedSession, NamedSessions
from support.mounts import MOUNTS, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from agentcore_sandbox.aws.attachments import Attachments


def session_id(number: int) -> str:
    return f"01SESSION{number:017}"


class Interpreter:
    """Starts sessions with ids that end with 1, 2 and so on."""

    scope = ("account", "region", "interpreter", "")

    def __init__(self) -> None:
        self.started = 0
        self.stopped: list[str] = []
        self.attached: list[Attachments] = []

    def start(self, *, attached: Attachments, **_: Any) -> str:
        self.started += 1
        self.attached.append(attached)
        return session_id(self.started)

    def stop(self, session: str) -> None:
        self.stopped.append(session)


def test_a_session_that_was_stopped_and_forgotten_meanwhile_is_told_as_replaced(tmp_path: Path) -> None:
    interpreter: Any = Interpreter()
    store = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})
    assert store.get_or_start("work", 900) == Found(session_id(1), is_new=True)
    store.forget(session_id(1))
    assert store.renew("work", session_id(1), 900) == Found(session_id(2), replaces=session_id(1))
    assert store.renew("work", session_id(1), 900) == Found(session_id(2), replaces=session_id(1))
    assert interpreter.started == 2


def test_a_session_that_has_replaced_another_meanwhile_is_not_forgotten_with_it(tmp_path: Path) -> None:
    interpreter: Any = Interpreter()
    store = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})
    store.get_or_start("work", 900)
    other = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})
    before = store.all
    stale = before()
    other.renew("work", session_id(1), 900)
    store.all = lambda: stale  # type: ignore[method-assign] # what was read before the other process came
    store.forget(session_id(1))
    assert other.find("work") is not None


def test_a_session_that_takes_the_place_of_another_has_its_mounts(tmp_path: Path) -> None:
    interpreter: Any = Interpreter()
    store = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})
    attached = attachments.read(MOUNTS, [SECRET])
    store.start("work", 900, attached)
    store.renew("work", session_id(1), 900)
    other = attachments.read(MOUNTS[:1], [])
    store.renew("work", session_id(2), 900, other)
    assert interpreter.attached == [attached, attached, other]


def test_a_session_is_carried_only_late_in_its_life(tmp_path: Path) -> None:
    interpreter: Any = Interpreter()
    store = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})
    copied: list[tuple[str, str]] = []
    carry = Carry(lambda _interpreter, old, new: copied.append((old, new)), 0)
    store.get_or_start("work", 900)
    assert store.get_or_start("work", 900, carry=carry).session_id == session_id(1)
    needed = Carry(carry.copy, 1000)
    found = store.get_or_start("work", 1800, carry=needed)
    assert found == Found(session_id(2), replaces=session_id(1), carried=True)
    assert (copied, interpreter.stopped) == ([(session_id(1), session_id(2))], [session_id(1)])
    known = store.find("work")
    assert known
    assert (known.session_id, known.lifetime) == (session_id(2), 1800)


def test_a_session_that_takes_the_place_of_another_lives_as_long_if_nothing_is_said(tmp_path: Path) -> None:
    store = NamedSessions(cast("Any", Interpreter()), {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})

    def lifetime() -> int:
        known = store.find("work")
        assert known
        return known.lifetime

    store.get_or_start("work", None)
    assert lifetime() == 900
    store.renew("work", session_id(1), 1800)
    store.renew("work", session_id(2), None)
    assert lifetime() == 1800
    store.get_or_start("work", None, carry=Carry(lambda *_: None, 2000))
    assert lifetime() == 4000  # what is needed, and as much again
    store.renew("work", session_id(4), None)
    assert lifetime() == 4000
    store.get_or_start("work", 3600, carry=Carry(lambda *_: None, 5000))
    assert lifetime() == 3600


def test_what_cannot_be_carried_leaves_the_name_as_it_was(tmp_path: Path) -> None:
    interpreter: Any = Interpreter()
    store = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})

    def fail(*_: Any) -> None:
        raise AgentcoreSandboxError("SessionFile", "the disk is full", "")

    store.get_or_start("work", 900)
    with pytest.raises(AgentcoreSandboxError, match="the disk is full"):
        store.get_or_start("work", 900, carry=Carry(fail, 1000))
    known = store.find("work")
    assert known
    assert (known.session_id, interpreter.stopped) == (session_id(1), [session_id(2)])


def test_a_session_that_ends_while_it_is_carried_is_replaced_without_its_files(tmp_path: Path) -> None:
    interpreter: Any = Interpreter()
    store = NamedSessions(interpreter, {"AGENTCORE_SANDBOX_STATE_DIR": str(tmp_path)})

    def ended(*_: Any) -> None:
        raise SessionGoneError(session_id(1), "it has ended")

    store.get_or_start("work", 900)
    found = store.get_or_start("work", 900, carry=Carry(ended, 1000))
    assert found == Found(session_id(3), replaces=session_id(1))
    assert interpreter.stopped == [session_id(2)]


@pytest.mark.parametrize(("left", "is_ending"), [(91, False), (80, True), (-1, False)])
def test_a_session_that_has_ended_is_not_about_to(left: int, *, is_ending: bool) -> None:
    record = NamedSession("work", session_id(1), time.time() - 900 + left, 900)
    assert record.is_ending is is_ending
