"""Private folders, and the removal of what a sandbox may leave."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from agentcore_emulator import private_files, runtime_folder
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.runtime_folder import RuntimeFolder

DEPTH = 3000


def test_a_private_folder_is_made_and_accepted_again(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert private_files.make_folder(folder) == private_files.make_folder(folder) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def a_link(folder: Path) -> None:
    folder.with_name("target").mkdir(mode=0o700)
    folder.symlink_to("target")


def a_file(folder: Path) -> None:
    folder.write_text("")


def another_users(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)


@pytest.mark.parametrize("make", [open_to_all, a_link, a_file, another_users])
def test_an_unsafe_folder_is_refused(tmp_path: Path, make: object) -> None:
    folder = tmp_path / "service"
    assert callable(make)
    make(folder)
    with pytest.raises(EmulatorError) as raised:
        private_files.make_folder(folder)
    assert raised.value.code == "UnsafeFolder"
    assert str(folder) in raised.value.message
    assert "AGENTCORE_SANDBOX_RUNTIME_DIR" in raised.value.hint


def test_a_folder_without_permissions_is_removed(tmp_path: Path) -> None:
    inner = tmp_path / "session" / "locked" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("")
    inner.parent.chmod(0)
    private_files.remove(tmp_path / "session")
    assert not (tmp_path / "session").exists()


def test_a_deep_tree_is_removed(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.mkdir()
    here = os.open(session, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    private_files.remove(session)
    assert not session.exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    (outside / "file").chmod(0o400)
    session = tmp_path / "session"
    (session / "locked").mkdir(parents=True)
    (session / "locked" / "link").symlink_to(outside)
    (session / "-rf").symlink_to(outside)
    (session / "locked").chmod(0o500)
    private_files.remove(session)
    assert not session.exists()
    assert (outside / "file").read_text() == "kept"
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o400


def test_removing_what_is_gone_is_fine(tmp_path: Path) -> None:
    private_files.remove(tmp_path / "nothing")


def test_names_that_another_user_has_taken_are_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor can this user remove them from a folder that all share."""
    for name in ("memory", "disk", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(runtime_folder, "_MEMORY", tmp_path / "memory")
    monkeypatch.setattr(runtime_folder, "_DISK", tmp_path / "disk")
    monkeypatch.delenv("AGENTCORE_SANDBOX_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    usual = RuntimeFolder.of({})
    usual_sessions = usual.sessions_folder()
    assert (usual.folder.parent, usual_sessions.parent) == (tmp_path / "memory", tmp_path / "disk")
    for taken in (usual.folder, usual_sessions):
        taken.rmdir()
        a_link(taken)
    assert usual.sessions_folder().parent == RuntimeFolder.of({}).folder.parent == tmp_path / "home" / ".cache"


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOLCK, "cannot be locked"), (errno.EACCES, "Permission denied"), (errno.EINVAL, "Invalid argument")],
)
def test_a_lock_that_fails_is_not_a_busy_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    folder = RuntimeFolder(tmp_path)
    for use in (folder.state, lambda: folder.starting(9).__enter__(), lambda: folder.serving(9).__enter__()):
        with pytest.raises(EmulatorError, match=said) as caught:
            use()
        assert caught.value.code == "UnsafeFolder"
        assert "AGENTCORE_SANDBOX_RUNTIME_DIR" in caught.value.hint


def test_in_claude_codes_sandbox_each_command_has_a_folder_and_removes_what_earlier_ones_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"SANDBOX_RUNTIME": "1", "TMPDIR": str(tmp_path), "XDG_RUNTIME_DIR": "/proc"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AGENTCORE_SANDBOX_RUNTIME_DIR", raising=False)
    mine = RuntimeFolder.of(variables)
    network = Path("/proc/self/ns/net").stat().st_ino
    assert mine.folder == tmp_path / f"agentcore-sandbox-{os.geteuid()}-net-{network}"
    assert mine.sessions_folder() == mine.folder / "sessions"
    others = {
        name: tmp_path / f"agentcore-sandbox-{os.geteuid()}-{name}" for name in ("net-1", "net-2", "net-3", "state")
    }
    for folder in others.values():
        folder.mkdir()
        (folder / "serving.lock").touch()
        os.utime(folder, (0, 0))
    os.utime(others["net-2"])  # it may be starting
    with RuntimeFolder(others["net-3"]).serving(1):
        os.utime(others["net-3"], (0, 0))
        assert mine.abandoned() == [others["net-1"]]
    own = RuntimeFolder.of({**variables, "AGENTCORE_SANDBOX_RUNTIME_DIR": str(tmp_path / "own")})
    assert own.folder == tmp_path / "own" / f"net-{network}"
