"""What a program reads as its standard input, in every language and wherever it runs; and what nobody reads."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from agentcore_sandbox.cli import unread
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.transfer import standard_input
from support import event_stream, fault_server, runtimes
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fault_server import FaultServer

DATA = b"\0\xff\r\n\x1a\x04'$(x)\n\xe9 no newline"
HEX = DATA.hex()
SENTENCE = unread.SENTENCE.format(option="--stdin -")


@pytest.fixture(scope="module")
def local_environment(
    program: tuple[str, ...], base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """An emulator that has every language, and one session with the name `work`."""
    folder = tmp_path_factory.mktemp("local")
    more = {
        "CUSTOM_AGENTCORE_INTERPRETER_ID": "local",
        "AGENTCORE_SANDBOX_RUNTIME_DIR": str(folder / "runtime"),
        "AGENTCORE_SANDBOX_STATE_DIR": str(folder / "state"),
    }
    environment = {**base_environment, **more, **runtimes.variables()}
    yield environment
    assert CommandLine(program, folder, environment).run("local", "stop").returncode == 0


OD = "od -An -tx1 -v | tr -d ' \\n'"
ASYNC = """\
const parts = [];
for await (const part of {stream}) parts.push(part);
console.log(Buffer.concat(parts).toString("hex"))
"""
SYNC = "console.log(fs.readFileSync(0).toString('hex'))"
PROGRAMS = {
    "a command": ["--cmd", OD],
    "a script with an interpreter": [
        "--cmd",
        "#!/usr/bin/env python3\nimport sys\nprint(sys.stdin.buffer.read().hex())",
    ],
    "Python": ["import sys; print(sys.stdin.buffer.read().hex())"],
    "descriptor 0 in Python": ["import os; print(os.read(0, 99).hex())"],
    "a child of Python's": [f"import subprocess; subprocess.run({OD!r}, shell=True).returncode or None"],
    "Node": ["--lang", "js", "--runtime", "nodejs", f"var fs = require('fs'); {SYNC}"],
    "process.stdin in Node": ["--lang", "js", "--runtime", "nodejs", ASYNC.replace("{stream}", "process.stdin")],
    "TypeScript in Node": ["--lang", "ts", "--runtime", "nodejs", f"var fs = await import('fs'); {SYNC}"],
    "Deno": ["--lang", "ts", f"var fs = (await import('node:fs')).default; {SYNC}"],
    "Deno.stdin": ["--lang", "js", ASYNC.replace("{stream}", "Deno.stdin.readable")],
    "--follow": ["--follow", "--cmd", OD],
    "--follow in Python": ["--follow", "import sys; print(sys.stdin.buffer.read().hex())"],
    "--follow in Deno": ["--follow", "--lang", "ts", f"import fs from 'node:fs'; {SYNC}"],
}


LESS_OFTEN = {
    *("a script with an interpreter", "a child of Python's", "process.stdin in Node", "TypeScript in Node", "Deno"),
    *("--follow in Python", "--follow in Deno"),
}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(words, id=name, marks=[pytest.mark.nightly] if name in LESS_OFTEN else [])
        for name, words in PROGRAMS.items()
    ],
)
def test_a_program_reads_it_unchanged_and_only_once(local: CommandLine, words: list[str]) -> None:
    """The same session each time: what one program has left is not what the next one gets."""
    for data in (DATA, b""):
        done = local.run("exec", "work", "--stdin", "-", *words, stdin=data)
        assert (done.returncode, done.stdout.decode().strip()) == (0, data.hex()), done.stderr
    left = local.run(
        "exec", "work", "--cmd", "ls -A .agentcore-sandbox | grep stdin; find .agentcore-sandbox -name stdin*"
    )
    assert left.stdout == b""


NOTHING = {
    "Python": ["import os, sys; print(sys.stdin.read(), os.read(0, 99))"],
    "Node": ["--lang", "js", "--runtime", "nodejs", "console.log(`${require('fs').readFileSync(0)} b''`)"],
}


@pytest.mark.parametrize("words", NOTHING.values(), ids=NOTHING.keys())
def test_what_a_program_has_not_read_is_gone(local: CommandLine, words: list[str]) -> None:
    assert local.run("exec", "work", "--stdin", "-", *words[:-1], "0", stdin=DATA).returncode == 0
    assert local.run("exec", "work", *words).stdout == b" b''"


def test_a_file_and_a_job(local: CommandLine) -> None:
    (local.home / "data").write_bytes(DATA)
    assert local.run("run", "--stdin", "data", "--cmd", OD).stdout.decode() == HEX
    job_id = local.run("job", "start", "--session", "work", "--stdin", "data", "--cmd", OD).stdout.decode().strip()
    assert local.run("job", "wait", job_id).returncode == 0
    assert local.run("job", "logs", job_id).stdout.decode() == HEX


def test_what_is_large_goes_in_parts_and_again_where_the_session_was_gone(
    local: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standard_input, "MOST_AT_ONCE", 1000)
    data = os.urandom(5000)
    (local.home / "data").write_bytes(data)
    gone = local.run("start", "--name", "short").stdout.decode().strip()
    local.run("stop", gone, env={"AGENTCORE_SANDBOX_STATE_DIR": str(local.home / "other")})  # its name is still known
    for word, stdin in (("-", data), ("data", b"")):
        done = local.run("exec", "short", "--stdin", word, "--cmd", OD, stdin=stdin)
        assert done.stdout.decode() == data.hex(), done.stderr


def test_it_takes_one_more_request(aws: CommandLine, faults: FaultServer) -> None:
    for words in (["1"], ["--cmd", "true"]):
        faults.requests.clear()
        aws.run("run", *words)
        without = len(faults.requests)
        faults.requests.clear()
        aws.run("run", "--stdin", "-", *words, stdin=DATA)
        assert len(faults.requests) == without + 1


WRONG = {
    "both": (["--stdin", "-"], "cannot be both the code and the program's input"),
    "both, asked for": (["--stdin", "-", "-"], "cannot be both the code and the program's input"),
    "no file": (["--stdin", "missing", "1"], "cannot read missing: No such file or directory"),
    "a folder": (["--stdin", ".", "1"], "cannot read .: Is a directory"),
}


@pytest.mark.parametrize(("words", "reason"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_starts_nothing(aws: CommandLine, faults: FaultServer, words: list[str], reason: str) -> None:
    for command in (["run"], ["exec", "work"], ["job", "start"]):
        done = aws.run(*command, *words, stdin=b"x")
        assert (done.returncode, reason in done.stderr.decode(), faults.requests) == (2, True, [])


def test_more_than_a_session_has_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard_input, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(standard_input, "DISK_BYTES", 100)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 200)))
    with pytest.raises(UsageError, match="does not end within"):
        standard_input.read("-")


@contextmanager
def descriptor(kind: str, folder: Path) -> Iterator[TextIO]:
    """A standard input of some kind."""
    (folder / "file").write_bytes(b"12")
    if kind.startswith("pipe"):
        ours, theirs = os.pipe()
        os.write(theirs, DATA if kind == "pipe with data" else b"")
        if kind == "pipe that is closed":
            os.close(theirs)
        with os.fdopen(ours) as file:
            yield file
        if kind != "pipe that is closed":
            os.close(theirs)
        return
    name = {"nothing": os.devnull, "terminal": os.ttyname(os.openpty()[1])}.get(kind, folder / "file")
    with Path(name).open("rb", buffering=0) as raw:
        raw.read(2 if kind == "file that was read" else 0)
        yield io.TextIOWrapper(io.BufferedReader(raw))


KINDS = {"pipe with data": True, "pipe": False, "pipe that is closed": False, "file": True, "file that was read": False}


@pytest.mark.parametrize("kind", [*KINDS, "nothing", "terminal"])
def test_only_what_has_something_in_it_is_mentioned(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with descriptor(kind, tmp_path) as file:
        monkeypatch.setattr(sys, "stdin", file)
        for _ in range(2):  # nothing is consumed
            assert list(unread.sentences("--stdin -", 0)) == ([SENTENCE] if KINDS.get(kind) else [])


def test_a_closed_one_is_not_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert list(unread.sentences("--stdin -", 0)) == []


def test_a_pipe_that_nobody_reads_is_mentioned_once(aws: CommandLine, faults: FaultServer) -> None:
    done = aws.run_process("run", "--cmd", "cat", stdin=DATA)
    assert (done.returncode, done.stderr.decode()) == (0, f"agentcore-sandbox: {SENTENCE}\n")
    faults.answers["invoke"] = fault_server.stream(event_stream.result("", exit_code=1))
    done = aws.run_process("exec", "work", "--file", "/dev/stdin", "--lang", "python", stdin=b"print(1)")
    assert (done.returncode, SENTENCE.encode() in done.stderr) == (1, False)
