"""Commands run in the service's shell, which is bash, whichever way they are run; scripts by what `#!` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from support.processes import CommandLine

    Way = Callable[[CommandLine, Sequence[str]], tuple[int, bytes]]

BASH = """[[ a == a* ]] && echo yes
words=(one two); echo "${words[1]}" {1..3}
set -o pipefail; false | true; echo $?
source /dev/stdin <<< 'echo sourced'
echo "$GREETING"
"""
ANSWER = b'yes\ntwo 1 2 3\n1\nsourced\nit\'s "x"'
SECRET = 'it\'s "x"'


@pytest.fixture
def local(local: CommandLine) -> Iterator[CommandLine]:
    """The emulator, which keeps no session for the next test."""
    yield local
    assert local.run("stop", "--all", "--yes").returncode == 0


def plain(local: CommandLine, words: Sequence[str]) -> tuple[int, bytes]:
    done = local.run("exec", "work", *words)
    return done.returncode, done.stdout.rstrip(b"\n")


def followed(local: CommandLine, words: Sequence[str]) -> tuple[int, bytes]:
    done = local.run("exec", "work", "--follow", *words)
    return done.returncode, done.stdout.rstrip(b"\n")


def job(local: CommandLine, words: Sequence[str]) -> tuple[int, bytes]:
    job_id = local.run("job", "start", "--session", "work", *words).stdout.decode().strip()
    status = local.run("job", "wait", job_id).returncode
    return status, local.run("job", "logs", job_id).stdout.rstrip(b"\n")


@pytest.fixture(params=[plain, followed, job], ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


def test_commands_and_files_run_in_bash(local: CommandLine, way: Way, tmp_path: Path) -> None:
    path = tmp_path / "t.sh"
    path.write_text(BASH)
    for words in (["--cmd", BASH], ["--file", str(path)]):
        assert way(local, ["--env", f"GREETING={SECRET}", *words]) == (0, ANSWER)


@pytest.mark.parametrize(
    ("first_line", "rest", "answer"),
    [
        ("#!/bin/sh -e", "false; echo no", (1, b"")),
        ("#! /usr/bin/env python3", "import os; print(os.environ['A'], 'END')", (0, b"1 END")),
        ("#!/bin/bash", "cat <<END\n$A\nEND\nexit 0", (0, b"1")),
        ("#!/bin/bash", "exit 3", (3, b"")),
        ("#!/no/such/program", "echo no", (127, b"")),
    ],
)
def test_a_file_runs_by_what_it_names(
    local: CommandLine, way: Way, tmp_path: Path, first_line: str, rest: str, answer: tuple[int, bytes]
) -> None:
    path = tmp_path / "t.sh"
    path.write_text(f"{first_line}\n{rest}\n")
    assert way(local, ["--env", "A=1", "--file", str(path)]) == answer


def test_one_umask(local: CommandLine, way: Way) -> None:
    assert way(local, ["--cmd", "umask"]) == (0, b"0022")
    assert way(local, ["import os; print(oct(os.umask(0)))"]) == (0, b"0o22")


def test_variables_that_the_shell_has_for_itself_end_nothing(local: CommandLine, way: Way) -> None:
    status, output = way(local, ["--env", "A=1", "--env", "UID=5", "--env", "B=2", "--cmd", "echo $A $B"])
    assert (status, output) == (0, b"1 2")


def test_wrong_syntax_quotes_no_value(local: CommandLine) -> None:
    done = local.run("exec", "work", "--env", "TOKEN=hunter2", "--cmd", "echo )")
    assert done.returncode == 2
    assert b"syntax error" in done.stdout + done.stderr
    assert b"hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["b.py", "b.sh", None])
def test_a_byte_order_mark_is_none_of_the_program(
    local: CommandLine, way: Way, tmp_path: Path, name: str | None
) -> None:
    texts = {"b.py": "print('ok')", "b.sh": "echo ok", None: "print('ok')"}
    path = tmp_path / (name or "b.txt")
    path.write_bytes(b"\xef\xbb\xbf" + texts[name].encode())
    language = [] if name else ["--lang", "python"]
    assert way(local, [*language, "--file", str(path)]) == (0, b"ok")
