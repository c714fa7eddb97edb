"""Locked calls of the whole command line in the emulator: what is refused starts nothing, and the rest works."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from support.build_folders import write

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from support.processes import CommandLine

HOSTILE = {
    "a file of the system": "run --file /etc/passwd",
    "a key behind a link": "run --file link --cmd",
    "standard input as a file": "run --file /dev/stdin",
    "a descriptor": "run --file /dev/fd/0",
    "a link to the environment": "run --upload environ x",
    "a pipe": "run --file pipe",
    "no name": "run --file=",
    "a pattern": "cp *.csv NAME:",
    "up and away": "cp ../outside.txt NAME:",
    "a hidden file whose name looks like a session's": "cp ./.env:x NAME:y",
    "the folder of all": "run --upload . x",
    "a download over a file": "run --download x:data.csv x",
    "a download into the project": "run --download x:new.csv x",
    "a download through a link": "run --download x:sandbox-output/link/x x",
    "the second download": "run --download a:sandbox-output/b --download c:.git/x x",
    "artifacts over there": "run --artifacts ../figures x",
    "a name that is not seen": "cp NAME:x sandbox-output/a\u200c.txt",
    "a name of two lines": "cp NAME:x sandbox-output/a\u2028b",
    "another interpreter": "run --interpreter-id local-public x",
    "another endpoint": "sessions --endpoint-url http://127.0.0.1:9",
    "a region that is a host": "run --region us-east-1.example.com x",
    "a region that ends the host": "run --region example.com/# x",
    "another command": "local stop",
    "another command with help behind --": "local stop -- --help",
    "unlocked by a value": "run --locked=no x",
    "every session": "stop --all",
    "another's job": "job rm 000000000000/../x",
}


@pytest.fixture
def locked(local: CommandLine) -> CommandLine:
    """The command line, locked by its variable, in a project that has hostile links."""
    write(local.home / "data.csv", "1\n")
    write(local.home / ".env", "secret")
    os.mkfifo(local.home / "pipe")
    local.home.joinpath("environ").symlink_to("/proc/self/environ")
    local.home.joinpath("link").symlink_to(write(local.home.parent / "outside.txt", "secret"))
    local.home.joinpath("sandbox-output").mkdir()
    local.home.joinpath("sandbox-output/link").symlink_to(local.home.parent)
    return local.using(AGENTCORE_SANDBOX_LOCKED="1")


def call(locked: CommandLine, words: str, *more: str) -> subprocess.CompletedProcess[bytes]:
    return locked.run(*words.split(" "), *more, env={"HOME": str(locked.home.parent / "user")})


def tree(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if not path.is_relative_to(folder / "user") and path.is_file())
    return {str(path): path.read_bytes() for path in paths if not path.is_symlink()}


@pytest.mark.parametrize("idea", HOSTILE)
def test_hostile_call_is_refused_and_starts_nothing(idea: str, locked: CommandLine) -> None:
    before = tree(locked.home.parent)
    done = call(locked, HOSTILE[idea])
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith((b"error[NotAllowed]: ", b"error[Usage]: "))
    assert b"secret" not in done.stderr
    assert tree(locked.home.parent) == before


def test_refusal_is_an_object_where_json_is_asked_for(locked: CommandLine) -> None:
    done = call(locked, "run --json --env HOME x")
    assert json.loads(done.stdout)["error"]["code"] == "NotAllowed"
    assert done.returncode == 2


PROGRAM = """
import os
os.makedirs("out/.git")
for name in ("out/.git/config", "out/.hidden", "out/CLAUDE.md", "out/plain.txt"):
    open(name, "w").write(open("data.csv").read())
    os.chmod(name, 0o777)
os.symlink("/etc/passwd", "out/link")
"""


def test_files_go_in_and_come_out_as_they_may(locked: CommandLine) -> None:
    words = "run --upload data.csv --download out:sandbox-output/new"
    done = call(locked, words, PROGRAM)
    assert done.returncode == 0, done.stderr
    output = locked.home / "sandbox-output"
    assert [path.name for path in output.joinpath("new").iterdir()] == ["plain.txt"]
    assert output.joinpath("new/plain.txt").stat().st_mode & 0o111 == 0
    assert call(locked, "run --download out/*:sandbox-output/new x").returncode == 2, "a folder that exists"
    again = call(locked, "run --download data.csv:sandbox-output/new/plain.txt", "open('data.csv', 'w').write('other')")
    assert again.returncode == 125
    assert output.joinpath("new/plain.txt").read_text() == "1\n"


@pytest.mark.parametrize("words", ["--locked doctor", "doctor --locked", "doctor"])
def test_doctor_says_what_has_locked(locked: CommandLine, words: str) -> None:
    assert b"lock: locked by AGENTCORE_SANDBOX_LOCKED" in call(locked, words).stdout
    by = b"locked by --locked" if "--locked" in words else b"not locked"
    assert b"lock: " + by in call(locked.using(AGENTCORE_SANDBOX_LOCKED=""), words).stdout


@pytest.mark.parametrize("words", ["--locked --version", "--locked help run", "--locked --help"])
def test_help_is_for_everybody(locked: CommandLine, words: str) -> None:
    assert call(locked, words).returncode == 0
