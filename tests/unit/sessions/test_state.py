"""The state folder: private, locked, replaced as a whole."""

from __future__ import annotations

import re
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.sessions import state
from agentcore_sandbox.sessions.state import StateFolder

if TYPE_CHECKING:
    from pathlib import Path


def code(caught: pytest.ExceptionInfo[AgentcoreSandboxError]) -> str:
    return caught.value.code


def test_a_lock_is_waited_for_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StateFolder(tmp_path / "state")
    order = []

    def second() -> None:
        with folder.locked("key"):
            order.append("second")

    other = threading.Thread(target=second)
    with folder.locked("key"):
        with monkeypatch.context() as patch:
            patch.setattr(state, "LOCK_SECONDS", 0.05)
            with pytest.raises(AgentcoreSandboxError) as caught, folder.locked("key"):
                pass
        other.start()
        order.append("first")
    other.join()
    assert (code(caught), order) == ("StateBusy", ["first", "second"])


def test_records_are_private_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "a" / "state")
    folder.write("key", {"x": 1})
    folder.append("key.stdout", b"out")
    assert (folder.read("key"), folder.keys()) == ({"x": 1}, ["key"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    with pytest.raises(TypeError):
        folder.write("other", {"x": b"no JSON"})
    folder.remove("key")
    assert list(folder.path.iterdir()) == []


def test_what_somebody_else_has_prepared_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for name in ("open", "link"):
        with pytest.raises(AgentcoreSandboxError) as caught:
            StateFolder(tmp_path / name).write("key", {})
        assert code(caught) == "UnsafeFolder"
    folder = StateFolder(tmp_path / "own")
    folder.write("other", {})
    (folder.path / "key.stdout").symlink_to(tmp_path / "outside")
    (folder.path / "key.lock").symlink_to(tmp_path / "outside")
    with pytest.raises(AgentcoreSandboxError):
        folder.append("key.stdout", b"x")
    with pytest.raises(AgentcoreSandboxError), folder.locked("key"):
        pass
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("key", ["", "..", "a/b", "a.b", "x" * 81])
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(key)}$"):
        StateFolder(tmp_path).file(key)
