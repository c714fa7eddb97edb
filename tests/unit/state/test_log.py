"""Logs that all processes write: nothing is lost, nothing is mixed, and nothing stops a command."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator import file_lock
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.state import log
from agentcore_sandbox.state.log import Log
from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST_BYTES = 4000


def lasting(entries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in entries if entry.get("lasts")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTCORE_SANDBOX_STATE_DIR", str(tmp_path))
    tmp_path.chmod(0o700)
    monkeypatch.setattr(Log, "has_failed", False)
    return tmp_path / log.FOLDER


@pytest.fixture
def written(folder: Path) -> Log:
    assert not folder.exists()
    return Log("things.jsonl", MOST_BYTES, lasting)


def test_entries_are_read_as_they_were_written_and_are_private(written: Log, folder: Path) -> None:
    assert written.entries(older=True) == []
    entries: list[dict[str, Any]] = [{"text": "a\nb\u2028\x1b[31m"}, {"number": 1.5, "nothing": None}]
    for entry in entries:
        written.append(entry)
    assert written.entries() == entries
    text = (folder / "things.jsonl").read_text()
    assert (text.count("\n"), text.isascii(), "\x1b" in text) == (2, True, False)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_log_rotates_and_keeps_what_lasts(written: Log, folder: Path) -> None:
    written.append({"number": 0, "lasts": True})
    for number in range(1, 200):
        written.append({"number": number, "filling": "x" * 50})
    assert {path.name for path in folder.iterdir()} == {"things.jsonl", "things.jsonl.old", "things.jsonl.lock"}
    assert all(path.stat().st_size <= MOST_BYTES for path in folder.iterdir())
    assert written.entries()[0] == {"number": 0, "lasts": True}
    numbers = [entry["number"] for entry in written.entries(older=True) if entry["number"]]
    assert numbers == list(range(numbers[0], 200))


@pytest.mark.parametrize(
    "damage", [b"{", b'{"a": 1', b"\xff\xfe\n", b"[1]\n", b"\0" * 50, b'{"a": ' + b"[" * 1500 + b"\n"]
)
def test_what_is_damaged_is_passed_over(written: Log, folder: Path, damage: bytes) -> None:
    written.append({"number": 1})
    with (folder / "things.jsonl").open("ab") as file:
        file.write(damage)
    written.append({"number": 2})
    assert written.entries() == [{"number": 1}, {"number": 2}]


WRITERS = """
import os, sys
from agentcore_sandbox.state.log import Log
log = Log("things.jsonl", 1 << 16, lambda entries: [entry for entry in entries if entry["first"]])
children = []
for process in range(200):
    child = os.fork()
    if not child:
        for number in range(3):
            log.append({"process": process, "first": number == 0, "filling": "x" * (process % 50)})
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitpid(child, 0)[1] for child in children))
"""


def test_of_200_processes_at_once_nothing_is_lost_and_nothing_mixed(folder: Path) -> None:
    """The log rotates while they write: what lasts must all be in the newest file."""
    environment = {"PATH": os.environ["PATH"], "AGENTCORE_SANDBOX_STATE_DIR": str(folder.parent)}
    subprocess.run([sys.executable, "-c", WRITERS], env=environment, timeout=DEADLINE, check=True)
    text = (folder / "things.jsonl").read_bytes()
    entries = [json.loads(line) for line in text.splitlines()]  # each is whole
    assert sorted(entry["process"] for entry in entries if entry["first"]) == list(range(200))
    assert all(entry["filling"] == "x" * (entry["process"] % 50) for entry in entries)


def test_a_full_disk_leaves_the_log_as_it_was(
    written: Log, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    written.append({"number": 1})
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        written.append({"number": 2})
    for _ in range(3):
        written.note({"number": 3})
    monkeypatch.undo()
    assert (folder / "things.jsonl").read_text() == '{"number":1}\n'
    assert capfd.readouterr().err.count("are not written down: No space left on device") == 1


@pytest.mark.parametrize("kind", ["a file", "open", "a link", "no lock"])
def test_a_folder_that_cannot_be_used_stops_nothing(
    written: Log, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if kind == "a file":
        folder.touch()
    elif kind == "open":
        folder.mkdir()
        folder.chmod(0o777)
    elif kind == "a link":
        folder.symlink_to(folder.parent)
    else:
        monkeypatch.setattr(file_lock, "acquire", lambda *_: False)
    written.note({"number": 1})
    written.note({"number": 2})
    assert capfd.readouterr().err.count("are not written down") == 1
    with pytest.raises((AgentcoreSandboxError, OSError)):
        written.append({})


def test_without_a_home_nothing_is_kept_and_nothing_said(
    written: Log, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("AGENTCORE_SANDBOX_STATE_DIR", "XDG_STATE_HOME", "HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    written.note({})
    assert capfd.readouterr().err == ""
