"""Files get their names whole, never that of another file without leave, and what dead processes leave is removed."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agentcore_sandbox.atomic_files import publish, staging_folder


@pytest.fixture(params=["with hard links", "without"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a file system that has hard links, or of one that has not."""

    def refuse(self: Path, target: Path) -> None:
        if os.path.lexists(self):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(target))

    if request.param == "without":
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    return tmp_path


def test_a_file_is_private_until_it_has_its_name(folder: Path) -> None:
    with staging_folder(folder) as staging:
        file = staging.write(b"contents")
        assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]
        publish(file, folder / "name", mode=0o644)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("name", b"contents")]
    assert stat.S_IMODE((folder / "name").stat().st_mode) & 0o600 == 0o600


@pytest.mark.parametrize("replace", [False, True])
def test_a_name_that_is_taken_is_only_replaced_with_leave(folder: Path, *, replace: bool) -> None:
    (folder / "name").symlink_to(folder / "nowhere")
    with staging_folder(folder) as staging:
        file = staging.write(b"new")
        if replace:
            publish(file, folder / "name", replace=True)
        else:
            with pytest.raises(FileExistsError):
                publish(file, folder / "name")
    assert (folder / "name").is_symlink() is not replace
    assert [path.name for path in folder.iterdir()] == ["name"]


def test_a_name_on_another_file_system(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108 - nothing is read from it
    if not os.access(other, os.W_OK) or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    name = other / f"agentcore-sandbox-test-{os.getpid()}"
    with staging_folder(tmp_path) as staging:
        publish(staging.write(b"contents"), name)
        with pytest.raises(FileExistsError):
            publish(staging.write(b"other"), name)
    assert name.read_bytes() == b"contents"
    name.unlink()


def test_what_a_dead_process_has_left_is_removed_and_what_a_living_one_uses_stays(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from agentcore_sandbox.atomic_files import staging_folder\n"
        "with staging_folder(pathlib.Path(sys.argv[1])) as staging:\n"
        "    print(staging.write(b'half'), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        file = Path(child.stdout.readline().strip())
        with staging_folder(tmp_path):
            assert file.read_bytes() == b"half"
        assert file.exists()
        child.send_signal(signal.SIGKILL)
    assert file.exists()
    with staging_folder(tmp_path):
        assert not file.parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process has there may be in use."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    other = tmp_path / ".agentcore-sandbox-0123456789ab.part"
    other.mkdir()
    with staging_folder(tmp_path) as staging:
        publish(staging.write(b"contents"), tmp_path / "name")
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "name"]
