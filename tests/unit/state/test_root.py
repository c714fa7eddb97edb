"""Where the state folder is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.state import root as state


@pytest.fixture
def in_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of a command in Claude Code's sandbox, where the home cannot be written."""
    monkeypatch.setattr(state, "is_writable", lambda _: False)
    return {"SANDBOX_RUNTIME": "1", "TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}


def test_in_claude_codes_sandbox_the_folder_is_a_private_temporary_one_and_that_is_told_once(
    in_sandbox: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = state.root(in_sandbox)
    assert folder.parent == Path(in_sandbox["TMPDIR"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (
        f"names, jobs and history are kept in {folder}, apart from those in {in_sandbox['HOME']}"
        in capfd.readouterr().err
    )
    assert state.root(in_sandbox) == folder
    assert capfd.readouterr().err == ""
    assert state.root({**in_sandbox, "SANDBOX_RUNTIME": ""}) == Path(
        in_sandbox["HOME"], ".local/state/agentcore-sandbox"
    )
    assert state.root({**in_sandbox, state.VARIABLE: "/chosen"}) == Path("/chosen")


@pytest.mark.parametrize("planted", ["link", "file", "open folder"])
def test_what_others_have_put_there_is_refused(in_sandbox: dict[str, str], planted: str) -> None:
    folder = state.root(in_sandbox)
    folder.rmdir()
    elsewhere = Path(in_sandbox["TMPDIR"], "elsewhere")
    elsewhere.mkdir(mode=0o700)
    if planted == "link":
        folder.symlink_to(elsewhere)
    elif planted == "file":
        folder.touch(0o600)
    else:
        folder.mkdir()
        folder.chmod(0o770)
    with pytest.raises(AgentcoreSandboxError) as caught:
        state.root(in_sandbox)
    assert caught.value.code == "UnsafeFolder"


def test_without_a_temporary_folder_the_setting_is_named(
    in_sandbox: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_RUNTIME", "1")
    with pytest.raises(AgentcoreSandboxError) as caught:
        state.root({**in_sandbox, "TMPDIR": str(Path(in_sandbox["TMPDIR"], "missing"))})
    assert (caught.value.code, "sandbox.filesystem.allowWrite" in caught.value.hint) == ("StateFailed", True)


def test_the_cache_is_where_it_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    base = tmp_path / "base"
    assert state.cache({**environ, "XDG_CACHE_HOME": str(base)}, "x") == base / "agentcore-sandbox/x"
    assert state.cache({**environ, "XDG_CACHE_HOME": "y"}, "x") == tmp_path / "home/.cache/agentcore-sandbox/x"
    homeless = state.cache({**environ, "HOME": ""}, "x")
    monkeypatch.setattr(state, "is_writable", lambda _: False)
    assert state.cache(environ, "x") == homeless
    state.make(homeless)
    assert [(path, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()] == [(homeless, 0o700)]
