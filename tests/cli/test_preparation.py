"""Variables of code are set once for each context, and no program runs in a context that lacks them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.execution.preparation import MOST_REFUSALS, NO_SOURCE
from support import fault_server
from support.event_stream import result
from support.fault_server import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

SHOW_REGION = "import os; print(os.environ.get('AWS_REGION'))"
EXIT = "import os; os._exit(3)"
BE_KILLED = """\
import os, subprocess
with open("pid", "w") as file:
    print(os.getpid(), file=file)
process = subprocess.Popen(["sh", "-c", "sleep 0.1; kill -9 $(cat pid)"])
"""
WAIT_UNTIL_KILLED = "while grep -q 'State:.[RSD]' /proc/$(cat pid)/status; do sleep 0.1; done"


def mark_after(command_line: CommandLine, faults: FaultServer) -> str:
    """Prepare a context; returns the mark of programs that follow."""
    for _ in range(2):
        command_line.run("exec", SESSION, "x")
    mark: str = faults.requests[-1].body["arguments"]["code"].partition("\n")[0]
    faults.requests.clear()
    return mark


def sent(faults: FaultServer) -> tuple[int, int]:
    """How many preparations and programs were sent so far; either may come first."""
    found = [request.is_preparation for request in faults.requests]
    faults.requests.clear()
    return found.count(True), found.count(False)


def test_ten_executions_are_prepared_once_and_each_new_variable_costs_one_more(
    aws: CommandLine, faults: FaultServer
) -> None:
    for _ in range(10):
        assert aws.run("exec", SESSION, "x").stdout == b"hello"
    assert sent(faults) == (1, 10)
    for words in (["--env", "A=1"], ["--env", "A=1"], [], ["--env", "A=2"], ["--lang", "ts"], ["--cmd"]):
        assert aws.run("exec", SESSION, *words, "x").stdout == b"hello"
    assert sent(faults) == (3, 6)
    aws.run("exec", SESSION, "--clear-context", "x")
    assert sent(faults) == (1, 1)


@pytest.mark.parametrize("code", ["'use strict'; x", '// first\n"use strict"', "#!/usr/bin/env node", "export let x"])
def test_javascript_that_needs_its_first_line_keeps_it(aws: CommandLine, faults: FaultServer, code: str) -> None:
    for _ in range(2):
        aws.run("exec", SESSION, "--lang", "js", code)
    programs = [request for request in faults.requests if not request.is_preparation]
    assert [program.body["arguments"]["code"] for program in programs] == [code, code]


def test_a_program_that_overtakes_its_preparation_is_sent_again(aws: CommandLine, faults: FaultServer) -> None:
    for words in (["run"], ["exec", SESSION]):
        faults.answers["invoke"] = fault_server.in_turn(fault_server.unprepared, fault_server.ok)
        done = aws.run(*words, "x")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"")
        codes = [request.body["arguments"]["code"] for request in faults.requests if request.operation == "invoke"]
        assert codes[-1] == "x"
        faults.requests.clear()


def test_what_a_program_prints_is_shown_though_its_preparation_gave_no_answer(
    aws: CommandLine, faults: FaultServer
) -> None:
    faults.preparation = fault_server.stream()
    done = aws.run("run", "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"")
    assert faults.operations() == ["start", "invoke", "stop"]


def test_a_context_that_refuses_marks_is_soon_given_none(aws: CommandLine, faults: FaultServer) -> None:
    mark = mark_after(aws, faults)
    refused = fault_server.stream(result("", f"variables are lost\n{fault_server.refusal(mark)}", 1))
    for _ in range(MOST_REFUSALS):
        faults.requests.clear()
        faults.preparation = None
        faults.answers["invoke"] = fault_server.in_turn(refused, fault_server.ok)
        done = aws.run("exec", SESSION, "x")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"variables are lost\n")
        assert sent(faults) == (1, 2)
    faults.answers["invoke"] = fault_server.ok
    aws.run("exec", SESSION, "x")
    assert sent(faults) == (1, 1)


@pytest.mark.parametrize(
    ("printed", "status"),
    [
        (fault_server.refusal("MARK"), 0),
        (fault_server.refusal(f"{NO_SOURCE} text of the program's own"), 1),
        ("SyntaxError: invalid character", 1),
        ("MARK: not found", 1),
    ],
)
def test_an_answer_of_the_program_is_no_refusal(
    aws: CommandLine, faults: FaultServer, printed: str, status: int
) -> None:
    """What may have run is not sent again."""
    mark = mark_after(aws, faults)
    faults.answers["invoke"] = fault_server.stream(result("", printed.replace("MARK", mark), status))
    assert aws.run("exec", SESSION, "x").stderr
    assert sent(faults) == (0, 1)


def test_without_a_state_folder_each_execution_is_prepared(aws: CommandLine, faults: FaultServer) -> None:
    for _ in range(2):
        assert aws.run("exec", SESSION, "x", env={"HOME": ""}).stdout == b"hello"
    assert sent(faults) == (2, 2)


def test_what_is_remembered_does_not_grow(aws: CommandLine) -> None:
    aws.run("exec", SESSION, "x")
    folder = aws.home / ".local/state/agentcore-sandbox/contexts"
    (first,) = folder.iterdir()
    os.utime(first, (0, 0))
    aws.run("exec", SESSION, "--lang", "js", "x")
    (second,) = folder.iterdir()
    assert second != first


@pytest.fixture
def session(local: CommandLine) -> Iterator[str]:
    session_id = local.run("start").stdout.decode().strip()
    yield session_id
    local.run("stop", session_id)


@pytest.mark.parametrize("lose", ["it exits", "it is killed", "another client"])
def test_a_context_that_was_lost_is_prepared_anew(local: CommandLine, session: str, tmp_path: Path, lose: str) -> None:
    execute = ("exec", session, "--region", "eu-west-1")
    assert local.run(*execute, SHOW_REGION).stdout == b"eu-west-1"
    if lose == "it exits":
        local.run(*execute, EXIT)
    elif lose == "it is killed":
        local.run(*execute, BE_KILLED)
        local.run(*execute, "--cmd", WAIT_UNTIL_KILLED)
    else:
        words = ("--clear-context", "--env", "AWS_REGION=elsewhere", "x = 1")
        local.run(*execute, *words, env={"HOME": str(tmp_path)})
    done = local.run(*execute, SHOW_REGION)
    assert (done.returncode, done.stdout) == (0, b"eu-west-1")
    assert (b"Its variables are lost; this execution started anew" in done.stderr) == (lose == "it is killed")


def test_a_marked_program_fails_as_any_other(local: CommandLine, session: str) -> None:
    local.run("exec", session, "x = 1")
    done = local.run("exec", session, "from __future__ import annotations\n1/0")
    assert b"], line 2\n      1 from __future__ import annotations\n----> 2 1/0\n" in done.stderr
    done = local.run("exec", session, "    if x:\n    y (")
    assert b"], line 2\n    y (\n" in done.stderr
    assert NO_SOURCE.encode() not in done.stderr


def test_a_broken_context_still_runs_programs(local: CommandLine, session: str) -> None:
    local.run("exec", session, "import builtins; builtins.__import__ = None")
    assert local.run("exec", session, "print(6 * 7)").stdout == b"42"
    done = local.run("exec", session, "--env", "TOKEN=secret", "print(1)")
    assert done.stderr.startswith(b"error[NotPrepared]: the sandbox is not ready for this language: ")
    assert b"secret" not in done.stderr
