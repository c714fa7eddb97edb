"""Records of the state folder: private, locked, replaced as a whole."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import threading
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.errors import AgentcoreSandboxError, UnreadableRecordError
from agentcore_sandbox.state import records
from agentcore_sandbox.state.records import StateFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Thing:
    FORMERLY = MappingProxyType({"name": "title"})

    name: str
    count: int | None = None
    time: float = 0.0


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
            patch.setattr(records, "LOCK_SECONDS", 0.05)
            with pytest.raises(AgentcoreSandboxError) as caught, folder.locked("key"):
                pass
        other.start()
        order.append("first")
    other.join()
    assert (code(caught), order) == ("StateBusy", ["first", "second"])


def test_records_are_private_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "a" / "state"
    folder = StateFolder(path)
    with folder.locked("key"):
        folder.write("key", Thing("x"))
    folder.append("key.stdout", b"out")
    assert (folder.read("key", Thing), folder.read_all(Thing)) == (Thing("x"), ([Thing("x")], []))
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    folder.remove("key")
    assert list(path.iterdir()) == []


READABLE = {
    "of the first version": '{"name": "x"}',
    "with a field that a later version adds": '{"version": 1, "name": "x", "colour": "red"}',
    "with a field under its former name": '{"version": 1, "title": "x"}',
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE.keys())
def test_records_of_other_versions_are_read(tmp_path: Path, text: str) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.write("key", Thing("other"))
    folder.file("key").write_text(text)
    assert folder.read("key", Thing) == Thing("x")


UNREADABLE = {
    "empty": b"",
    "half": b'{"name": ',
    "deep": b"[" * 100_000,
    "no object": b"[]",
    "no UTF-8": b"\xff",
    "without a field": b"{}",
    "of a newer version": b'{"version": 2, "name": "x"}',
    "a version that is no number": b'{"version": [], "name": "x"}',
    "another type": b'{"name": 5}',
    "a boolean for a number": b'{"name": "x", "count": true}',
    "no number": b'{"name": "x", "time": NaN}',
    "infinite": b'{"name": "x", "time": 1e999}',
    "too large for a date": b'{"name": "x", "time": 1e15}',
    "negative": b'{"name": "x", "time": -1}',
    "huge": b'{"name": "' + b"x" * (2 << 20) + b'"}',
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_record_that_cannot_be_read_is_named_and_kept(tmp_path: Path, data: bytes) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.write("key", Thing("x"))
    folder.file("key").write_bytes(data)
    with pytest.raises(UnreadableRecordError, match=re.escape(str(folder.file("key")))) as caught:
        folder.read("key", Thing)
    assert caught.value.is_newer == (b'"version"' in data)
    kept = folder.set_aside("key")
    assert kept
    assert kept.read_bytes() == data
    assert folder.set_aside("key") is None
    assert folder.read("key", Thing) is None


def test_a_folder_in_place_of_a_record_is_set_aside_and_removed(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    for _ in range(2):
        folder.write("key", Thing("x"))
        folder.file("key").unlink()
        folder.file("key").mkdir()
        (folder.file("key") / "file").touch()
        assert folder.set_aside("key") == folder.file("key", "unreadable")
    folder.remove("key")
    assert list((tmp_path / "state").iterdir()) == []


def test_what_is_no_file_of_this_user_is_no_record(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.write("other", Thing("x"))
    os.mkfifo(folder.file("pipe"))
    folder.file("folder").mkdir()
    folder.file("link").symlink_to(folder.file("other"))
    folder.file("other").with_name("not a key.json").touch()
    for key in ("pipe", "folder", "link"):
        with pytest.raises(UnreadableRecordError):
            folder.read(key, Thing)
    known, unreadable = folder.read_all(Thing)
    assert (known, [error.path.stem for error in unreadable]) == ([Thing("x")], ["folder", "link", "pipe"])


USES: list[Callable[[StateFolder], object]] = [
    lambda folder: folder.write("key", Thing("x")),
    lambda folder: folder.read("key", Thing),
    lambda folder: folder.read_file("key.json"),
    lambda folder: folder.read_all(Thing),
]


def test_what_somebody_else_has_prepared_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o770)
    (tmp_path / "open" / "key.json").write_text('{"name": "x"}')
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for name in ("open", "link"):
        for use in USES:
            with pytest.raises(AgentcoreSandboxError) as caught:
                use(StateFolder(tmp_path / name))
            assert code(caught) == "UnsafeFolder"
    own = StateFolder(tmp_path / "own")
    own.write("other", Thing("x"))
    for suffix in ("stdout", "lock"):
        own.file("key", suffix).symlink_to(tmp_path / "outside")
    with pytest.raises(AgentcoreSandboxError):
        own.append("key.stdout", b"x")
    with pytest.raises(AgentcoreSandboxError), own.locked("key"):
        pass
    assert not (tmp_path / "outside").exists()


def test_a_file_system_without_locks_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(*_: object) -> None:
        tried.append(1)
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    folder = StateFolder(tmp_path / "state")
    with pytest.raises(AgentcoreSandboxError, match="No locks available") as caught, folder.locked("key"):
        pass
    assert (code(caught), len(tried)) == ("StateFailed", 1)


def test_a_lock_file_goes_with_its_lock_and_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    holders, most = [], []

    def hold() -> None:
        for _ in range(50):
            with folder.locked("key"):
                holders.append(1)
                most.append(len(holders))
                holders.pop()

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (400, 1)
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize("key", ["", "..", "a/b", "a.b", "x" * 81])
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(key)}$"):
        StateFolder(tmp_path).file(key)


def test_nothing_is_removed_from_what_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "jobs"
    path.touch(0o600)
    with pytest.raises(AgentcoreSandboxError) as caught:
        StateFolder(path).remove("key")
    assert code(caught) == "UnsafeFolder"
    with pytest.raises(AgentcoreSandboxError) as caught:
        StateFolder(path / "below").remove("key")
    assert code(caught) == "StateFailed"
    StateFolder(tmp_path / "missing").remove("key")
