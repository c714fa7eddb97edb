"""What the store of named sessions tells of the session that a name stood for before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_sandbox.sessions.named import Found, NamedSessions

if TYPE_CHECKING:
    from pathlib import Path


def session_id(number: int) -> str:
    return f"01SESSION{number:017}"


class Interpreter:
    """Starts sessions with ids that end with 1, 2 and so on."""

    scope = ("account", "region", "interpreter", "")

    def __init__(self) -> None:
        self.started = 0

    def start(self, **_: Any) -> str:
        self.started += 1
        return session_id(self.started)


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
