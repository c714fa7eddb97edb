"""Files get their names whole, and never that of another file without leave."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from agentcore_sandbox.atomic_file import AtomicFile


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


def test_it_is_private_until_it_has_its_name(folder: Path) -> None:
    with AtomicFile(folder) as file:
        file.write(b"contents")
        [temporary] = folder.iterdir()
        assert (temporary.name.endswith(".part"), stat.S_IMODE(temporary.stat().st_mode)) == (True, 0o600)
        file.publish(folder / "name", mode=0o644)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("name", b"contents")]
    assert stat.S_IMODE((folder / "name").stat().st_mode) & 0o600 == 0o600


@pytest.mark.parametrize("replace", [False, True])
def test_a_name_that_is_taken_is_only_replaced_with_leave(folder: Path, *, replace: bool) -> None:
    (folder / "name").symlink_to(folder / "nowhere")
    with AtomicFile(folder) as file:
        file.write(b"new")
        if replace:
            file.publish(folder / "name", replace=True)
        else:
            with pytest.raises(FileExistsError):
                file.publish(folder / "name")
    assert (folder / "name").is_symlink() is not replace
    assert [path.name for path in folder.iterdir()] == ["name"]


def test_what_is_not_published_is_removed(folder: Path) -> None:
    with AtomicFile(folder) as file:
        file.write(b"half")
    assert list(folder.iterdir()) == []
