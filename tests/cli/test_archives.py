"""A work folder in one file and back: `save`, `--from`, `--carry`, in the emulator."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.sessions import named
from agentcore_sandbox.transfer import archive, download
from support.copies import ok, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.processes import CommandLine


@pytest.fixture
def local(local: CommandLine) -> Iterator[CommandLine]:
    """The emulator of this module, which keeps no session of a test."""
    yield local
    assert local.run("stop", "--all", "--yes").returncode == 0


MAKE = (
    "mkdir -p a/b 'sp ace' empty; printf '\\0\\377' > a/b/bin; echo e > 'sp ace/é'; chmod 750 a; chmod 755 a/b/bin; "
    "ln -s /etc link; ln a/b/bin hard; mkfifo pipe; echo t > x.tmp; mkdir cache; echo c > cache/c; chmod 600 'sp ace/é'"
)


def test_a_work_folder_comes_back_as_it_was(local: CommandLine) -> None:
    ok(local, "exec", "work", "--cmd", MAKE)
    made = local.run("save", "work", "work.tar.gz", "--exclude", "*.tmp", "--exclude", "./cache", "--exclude", "cache")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(b"saved 3 files, ")
    assert b"left out (a symbolic link): link" in made.stderr
    assert b"left out (neither a file nor a folder): pipe" in made.stderr
    assert b"not in it: the variables of running contexts, links, and what lies outside" in made.stderr
    path = local.home / "work.tar.gz"
    assert path.stat().st_mode & 0o777 == 0o600
    ok(local, "cp", "work:.", "before")
    ok(local, "stop", "work")
    ok(local, "start", "--name", "work", "--from", "work.tar.gz")
    ok(local, "cp", "work:.", "after")
    before = tree(local.home / "before")
    assert tree(local.home / "after") == {
        name: entry for name, entry in before.items() if not name.startswith(("cache", "x.tmp"))
    }
    with tarfile.open(path) as opened:
        listed = opened.getmembers()
    assert all(member.isreg() or member.isdir() for member in listed)
    assert {(member.uid, member.gid, member.uname, member.gname) for member in listed} == {(0, 0, "", "")}
    again = local.run("save", "work", "work.tar.gz")
    assert (again.returncode, b"error[FileExists]" in again.stderr) == (125, True)
    saved = json.loads(ok(local, "save", "work", "work.tar.gz", "--force", "--json"))
    assert (saved["files"], saved["size"]) == (3, path.stat().st_size)


def test_run_and_exec_unpack_before_the_program(local: CommandLine) -> None:
    ok(local, "exec", "work", "open('f', 'w').write('one')")
    ok(local, "save", "work", "w.tar.gz")
    ran = json.loads(ok(local, "run", "--from", "w.tar.gz", "--json", "print(open('f').read())"))
    assert (ran["stdout"].strip(), [copied["target"] for copied in ran["uploaded"]]) == ("one", ["."])
    there = local.run("exec", "work", "--from", "w.tar.gz", "print(1)")
    assert (there.returncode, there.stdout) == (125, b"")
    assert b"in the session: f: File exists" in there.stderr
    ok(local, "exec", "work", "open('f', 'w').write('two')")
    assert ok(local, "exec", "work", "--from", "w.tar.gz", "--force", "print(open('f').read())") == b"one"


def test_an_archive_that_is_not_taken_starts_nothing(local: CommandLine) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as forged:
        forged.addfile(tarfile.TarInfo("../x"))
    (local.home / "bad.tar.gz").write_bytes(gzip.compress(buffer.getvalue()))
    for words in (["start", "--name", "work"], ["run", "1"], ["exec", "work", "1"]):
        done = local.run(*words, "--from", "bad.tar.gz")
        assert (done.returncode, done.stdout) == (125, b"")
        assert b"error[BadArchive]: bad.tar.gz: '../x' is not a path inside a work folder" in done.stderr
        missing = local.run(*words, "--from", "nothing")
        assert (missing.returncode, b"no such file: nothing" in missing.stderr) == (2, True)
    assert json.loads(ok(local, "sessions", "--json"))["sessions"] == []


def test_a_session_that_cannot_be_filled_leaves_no_name(local: CommandLine, patching: pytest.MonkeyPatch) -> None:
    ok(local, "exec", "work", "open('f', 'w').write('x')")
    assert b"saved 1 file, 1B, in w.tar.gz (" in local.run("save", "work", "w.tar.gz").stdout

    def fail(*_: Any, **__: Any) -> None:
        raise AgentcoreSandboxError("SessionFile", "the disk is full", "")

    patching.setattr(archive, "restore", fail)
    assert local.run("start", "--name", "filled", "--from", "w.tar.gz").returncode == 125
    assert [row["name"] for row in json.loads(ok(local, "sessions", "--json"))["sessions"]] == ["work"]
    assert b"error[UnknownSession]" in local.run("ls", "filled").stderr


def test_what_a_session_forges_is_not_written(local: CommandLine, patching: pytest.MonkeyPatch) -> None:
    """Whatever runs in a session can change the archive before it leaves."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as forged:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        forged.addfile(member)
    ok(local, "exec", "work", f"open('forged', 'wb').write({gzip.compress(buffer.getvalue())!r})")

    def fetch_forged(workspace: Any, _path: str, *arguments: Any, **options: Any) -> Any:
        return download.to_stream(workspace, "forged", *arguments, **options)

    patching.setattr(archive, "to_stream", fetch_forged)
    done = local.run("save", "work", "w.tar.gz")
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"error[BadArchive]: w.tar.gz: 'x' is a symbolic link" in done.stderr
    assert list(local.home.glob("*w.tar.gz*")) == list(local.home.glob(".agentcore-sandbox*")) == []


def test_what_is_too_much_is_not_written(local: CommandLine) -> None:
    ok(local, "exec", "work", "open('big', 'wb').truncate(3_000_000)")
    small = local.run("save", "work", "w.tar.gz", "--max-bytes", "1000000")
    assert small.returncode == 125
    assert b"holds more than 1000000 bytes" in small.stderr
    assert list(local.home.glob("*w.tar.gz*")) == list(local.home.glob(".agentcore-sandbox*")) == []
    nowhere = local.run("save", "work", "no/w.tar.gz")
    assert nowhere.returncode == 125
    assert b"error[" in nowhere.stderr


def test_files_are_carried_into_the_session_that_takes_the_place(
    local: CommandLine, patching: pytest.MonkeyPatch
) -> None:
    ok(local, "exec", "work", "--timeout", "900", "--cmd", "echo kept > f; chmod 755 f")
    (first,) = json.loads(ok(local, "sessions", "--json"))["sessions"]
    early = local.run("exec", "work", "--carry", "--cmd", "cat f")
    assert (early.stdout, early.stderr) == (b"kept\n", b"")
    patching.setattr(named.NamedSession, "seconds_left", 299.0)
    carried = local.run("exec", "work", "--carry", "--cmd", "cat f; stat -c %a f")
    assert carried.stdout == b"kept\n755\n", carried.stderr
    assert f"takes the place of session {first['sessionId']} of 'work', with its files".encode() in carried.stderr
    (second,) = json.loads(ok(local, "sessions", "--json"))["sessions"]
    assert second["sessionId"] != first["sessionId"]
    ok(local, "stop", second["sessionId"])
    ok(local, "exec", "work", "1")
    (third,) = json.loads(ok(local, "sessions", "--json"))["sessions"]
    patching.setattr(named.NamedSession, "seconds_left", -1.0)
    late = local.run("exec", "work", "--carry", "--cmd", "ls")
    assert b"variables and files are lost; --carry came too late for them" in late.stderr
    ok(local, "stop", third["sessionId"])


def test_carry_needs_a_name(local: CommandLine) -> None:
    done = local.run("exec", "01HZX3VJQ9Q9Q9Q9Q9Q9Q9Q9Q9", "--carry", "1")
    assert (done.returncode, b"--carry needs a session's name" in done.stderr) == (2, True)
