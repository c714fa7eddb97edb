"""Nothing that a session answers or the state folder holds ends in `Internal`, or touches a file that is not meant."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import hostile
from support.fault_server import SESSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

EXAMPLES = settings(
    max_examples=settings().max_examples // 2,  # each runs a command
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
JOB = "0123456789ab"
IN_A_SESSION = (
    ["cp", f"{SESSION}:d", "out/"],
    ["cp", "--force", "--no-hidden", f"{SESSION}:d", "out"],
    ["cp", f"{SESSION}:d", "-"],
    ["cp", "f", f"{SESSION}:"],
    ["ls", SESSION],
    ["ls", "-r", "--json", SESSION],
    ["rm", "-r", f"{SESSION}:d"],
    ["run", "--session", "work", "--upload", "f", "--download", "d:out", "1"],
    ["run", "--follow", "--exec-timeout", "0.1", "1"],
    ["job", "status", JOB],
    ["job", "logs", JOB],
    ["job", "stop", JOB],
    ["job", "rm", JOB],
)
GOOD_JOB = {
    "version": 1,
    "job_id": JOB,
    "session_id": SESSION,
    "owns_session": False,
    "interpreter_id": "aws.codeinterpreter.v1",
    "region": "us-west-2",
    "profile": None,
    "endpoint_url": None,
    "title": "print(1)",
    "task_id": "t",
    "started": 0.0,
    "state": "running",
    "exit_code": None,
    "saved": False,
}
GOOD_SESSION = {"version": 1, "name": "work", "session_id": SESSION, "started": 0.0, "lifetime": 900}
WITH_STATE = (
    ["exec", "work", "1"],
    ["ls", "work"],
    ["start", "--name", "work"],
    ["sessions"],
    ["stop", "work"],
    ["stop", SESSION],
    ["job", "list", "--json"],
    ["job", "list"],
    ["job", "status", JOB],
    ["job", "logs", JOB],
    ["job", "stop", JOB],
    ["job", "rm", JOB],
)


def state(line: CommandLine) -> Path:
    return line.home / ".local/state/agentcore-sandbox"


def begin_anew(line: CommandLine, started: float) -> None:
    """Leave the home folder with one file, and with a job."""
    for path in line.home.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (line.home / "f").write_text("contents")
    jobs = state(line) / "jobs"
    jobs.mkdir(parents=True, mode=0o700)
    (jobs / f"{JOB}.json").write_text(json.dumps({**GOOD_JOB, "started": started}))


def check(line: CommandLine, words: Sequence[str]) -> None:
    done = line.run(*words)
    assert b"error[Internal]" not in done.stderr + done.stdout, (words, done.stderr, done.stdout)
    assert b"Traceback" not in done.stderr, (words, done.stderr)
    assert done.returncode in range(256)
    forged = [said for said in done.stderr.splitlines() if said.startswith(b"error[Forged]") or b"\x1b" in said]
    assert not forged, (words, done.stderr)


@EXAMPLES
@given(words=st.sampled_from(IN_A_SESSION), session=hostile.sessions())
def test_whatever_a_session_answers(
    aws: CommandLine, faults: FaultServer, words: list[str], session: hostile.HostileSession
) -> None:
    begin_anew(aws, time.time())
    faults.answers["invoke"] = session
    check(aws, words)
    outside = [path for path in hostile.files(aws.home) if path.relative_to(aws.home).parts[0] not in ("out", ".local")]
    assert outside == [aws.home / "f"]


@EXAMPLES
@given(words=st.sampled_from(WITH_STATE), data=st.data())
def test_whatever_the_state_folder_holds(
    aws: CommandLine, faults: FaultServer, words: list[str], data: st.DataObject
) -> None:
    begin_anew(aws, 0.0)
    aws.run("start", "--name", "work")
    [named] = (state(aws) / "sessions").rglob("*.json")
    for path, good in (
        (named, {**GOOD_SESSION, "started": time.time()}),
        (state(aws) / "jobs" / f"{JOB}.json", GOOD_JOB),
    ):
        path.unlink()
        hostile.place(path, data, hostile.records(good))
    hostile.place(state(aws) / "jobs" / f"{JOB}.stdout", data, st.binary(max_size=9))
    hostile.place(named.with_name("other.json"), data, hostile.records(GOOD_SESSION))
    check(aws, words)
    assert {request.operation for request in faults.requests} <= {"start", "stop", "get", "list", "invoke"}


@pytest.mark.parametrize("words", [["exec", "work", "1"], ["cp", "f", f"{SESSION}:"], ["job", "list"]], ids=" ".join)
def test_a_working_folder_that_is_gone(aws: CommandLine, words: list[str]) -> None:
    """Of a process of its own: where it is removed, no command begins."""
    gone = aws.home / "gone"
    gone.mkdir()
    script = 'cd gone && rmdir ../gone && exec "$@"'
    line = type(aws)(("/bin/sh", "-c", script, "sh", *aws.command), aws.home, aws.base)
    check(line, words)
