"""Jobs and --follow on the emulator: live output, exact status, other processes, lost sessions."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.cli import output
from support import event_stream, fault_server
from support.copies import ok
from support.local import invokes, local_line, logging_service
from support.processes import DEADLINE, CommandLine, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fault_server import FaultServer, Handler

WAITS = "print('begun'); import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)\nprint('done')"


@pytest.fixture
def local(local: CommandLine) -> Iterator[CommandLine]:
    """The emulator of this module, which keeps no session of a test."""
    yield local
    assert local.run("stop", "--all", "--yes").returncode == 0


def start(local: CommandLine, *words: str) -> str:
    done = local.run("job", "start", "--session", "work", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def state(local: CommandLine, job: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(local.run("job", "status", job, "--json").stdout)
    return found


def sessions(local: CommandLine) -> list[object]:
    found: list[object] = json.loads(local.run("sessions", "--json").stdout)["sessions"]
    return found


def test_output_is_apart_exact_and_has_its_status(local: CommandLine) -> None:
    job = start(local, "--cmd", "printf 'a\\r\\nb\\0\\377'; echo err >&2; exit 5")
    assert local.run("job", "wait", job).returncode == 5
    done = local.run("job", "logs", job)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a\r\nb\0\xff", b"err\n")
    assert (state(local, job)["state"], state(local, job)["exitCode"]) == ("exited", 5)
    assert local.run("job", "rm", job).returncode == 0
    assert b"error[UnknownJob]" in local.run("job", "status", job).stderr


def test_another_process_reads_on(local: CommandLine) -> None:
    job = start(local, "--env", "A=secret", WAITS)
    follower = local.start("job", "logs", "-f", job)
    assert follower.stdout
    assert follower.stdout.readline() == b"begun\n"
    follower.kill()
    follower.communicate()
    waiter = local.start("job", "logs", "-f", job)
    assert waiter.stdout
    assert waiter.stdout.readline() == b"begun\n"
    waiter.send_signal(signal.SIGINT)
    assert f"job {job} continues".encode() in waiter.communicate(timeout=DEADLINE)[1]
    assert (waiter.returncode, state(local, job)["state"]) == (130, "running")
    assert b"secret" not in local.run("exec", "work", "--cmd", "cat .agentcore-sandbox/jobs/*/*").stdout
    assert local.run("exec", "work", "--cmd", "touch go").returncode == 0
    done = local.run("job", "logs", "-f", job)
    assert (done.returncode, done.stdout) == (0, b"begun\ndone\n")
    assert local.run("job", "wait", job).returncode == 0


def test_logs_go_on_through_throttling_and_lost_answers(quick: CommandLine, tmp_path: Path) -> None:
    line = local_line(quick, tmp_path)
    # A job is started by three invokes; that it has begun is two more.
    with logging_service(line, "throttle=invoke:6@5", "break=invoke:2@6", "fail=invoke:1@7") as log:
        job = start(line, "import time\nfor number in range(6):\n    print(number); time.sleep(0.3)")
        done = line.run("job", "logs", "-f", job)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"0\n1\n2\n3\n4\n5\n", b"")
        assert log.read_text().count("ThrottlingException") == 6
        assert [request["tool"] for request in invokes(log)].count("startCommandExecution") == 1


def test_large_output(local: CommandLine) -> None:
    job = start(local, "import sys\nsys.stdout.write('x' * 9_000_000); sys.stderr.write('e' * 10)")
    done = local.run("job", "logs", "-f", job)
    assert (len(done.stdout), done.stdout.count(b"x"), done.stderr) == (9_000_000, 9_000_000, b"e" * 10)


def test_saved_output_that_is_too_large_for_json_is_not_read(local: CommandLine, patching: pytest.MonkeyPatch) -> None:
    job = start(local, "print('0123456789')")
    assert local.run("job", "wait", job).returncode == 0
    patching.setattr(output, "MOST_KEPT", 10)
    done = local.run("job", "logs", "--json", job)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (125, "OutputTooLarge")
    assert local.run("job", "logs", job).stdout == b"0123456789\n"


def test_stop(local: CommandLine) -> None:
    job = start(local, "--cmd", "echo begun; trap '' TERM; sleep 1000 & wait; sleep 1000")
    follower = local.start("job", "logs", "-f", job)
    assert follower.stdout
    assert follower.stdout.readline() == b"begun\n"
    assert local.run("job", "stop", job).stdout == b"job stopped\n"
    follower.communicate(timeout=DEADLINE)
    assert local.run("job", "wait", job).returncode == 137
    assert local.run("job", "stop", job).stdout == b"job had already exited, with status 137\n"


def test_output_that_was_lost_with_its_session_is_told_each_time(local: CommandLine) -> None:
    job = start(local, "print(5)")
    eventually(lambda: state(local, job)["state"] == "exited")
    assert local.run("stop", "work").returncode == 0
    for _ in range(2):
        done = local.run("job", "logs", job)
        assert (done.returncode, done.stdout) == (0, b"")
        assert f"has ended before all output of job {job} was read".encode() in done.stderr
    assert local.run("job", "wait", job).returncode == 0


def test_a_job_whose_session_ended_shows_what_was_saved(local: CommandLine) -> None:
    job = start(local, WAITS)
    eventually(lambda: local.run("job", "logs", job).stdout == b"begun\n")
    assert local.run("stop", "work").returncode == 0
    done = local.run("job", "logs", "-f", job)
    assert (done.returncode, done.stdout) == (0, b"begun\n")
    assert b"has ended, and job" in done.stderr
    assert state(local, job)["state"] == "lost"
    assert local.run("job", "wait", job).returncode == 125
    assert local.run("job", "rm", job).returncode == 0
    assert json.loads(local.run("job", "list", "--json").stdout) == {"jobs": []}


def test_a_job_is_listed_with_its_name_and_that_of_its_file(local: CommandLine) -> None:
    (local.home / "train.py").write_text("import time")
    ok(local, "job", "start", "--file", "train.py", "--name", "training")
    header, row = ok(local, "job", "list").decode().splitlines()
    assert header.split() == ["JOB", "NAME", "STATE", "EXIT", "STARTED", "SESSION", "PROGRAM"]
    assert (row.split()[1], row.split()[-1]) == ("training", "train.py")
    ok(local, "job", "rm", "training")


def test_own_session_is_stopped_with_the_job(local: CommandLine) -> None:
    started = json.loads(local.run("job", "start", "--json", "print(1)").stdout)
    assert started["ownSession"] is True
    assert len(sessions(local)) == 1
    assert local.run("job", "rm", started["jobId"]).returncode == 0
    assert sessions(local) == []


def test_follow_shows_output_while_the_program_runs(local: CommandLine) -> None:
    child = local.start("run", "--follow", "--session", "work", WAITS)
    assert child.stdout
    assert child.stdout.readline() == b"begun\n"
    assert local.run("exec", "work", "--cmd", "touch go").returncode == 0
    stdout, stderr = child.communicate(timeout=DEADLINE)
    told = b"agentcore-sandbox: started a new session, 'work'\n"
    assert (child.returncode, stdout, stderr) == (0, b"done\n", told)


def test_follow_is_like_run(local: CommandLine) -> None:
    code = "import sys, os\nprint(os.environ['A'], file=sys.stderr)\nsys.exit(3)"
    done = local.run("run", "--follow", "--env", "A=kůň", code)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (3, b"", "kůň\n")
    answer = json.loads(local.run("run", "--follow", "--json", "--cmd", "echo o; echo e >&2; exit 4").stdout)
    assert (answer["stdout"], answer["stderr"], answer["exitCode"], answer["isError"]) == ("o\n", "e\n", 4, True)
    failed = local.run("run", "--follow", "x = 1\n1/0")
    assert b", line 2" in failed.stderr
    assert sessions(local) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda signum: signum.name)
def test_a_signal_stops_the_program_and_keeps_a_named_session(local: CommandLine, signum: signal.Signals) -> None:
    child = local.start("run", "--follow", "--session", "work", "--cmd", "echo begun; sleep 1000; echo no")
    assert child.stdout
    assert child.stdout.readline() == b"begun\n"
    child.send_signal(signum)
    stdout, _ = child.communicate(timeout=DEADLINE)
    assert (child.returncode, stdout) == (128 + signum, b"")
    assert b"sleep 1000" not in local.run("exec", "work", "--cmd", "cat /proc/*/cmdline | tr '\\0' ' '").stdout
    assert len(sessions(local)) == 1


def test_a_signal_stops_the_session_of_a_run(local: CommandLine) -> None:
    child = local.start("run", "--follow", "--cmd", "echo begun; sleep 1000")
    assert child.stdout
    assert child.stdout.readline() == b"begun\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=DEADLINE)
    assert (child.returncode, sessions(local)) == (130, [])


def test_time_limit_stops_the_program(local: CommandLine) -> None:
    limit = "10"  # seconds in which the program begins on any machine
    done = local.run("run", "--follow", "--exec-timeout", limit, "--cmd", "echo begun; sleep 1000")
    assert (done.returncode, done.stdout) == (124, b"begun\n")
    assert sessions(local) == []


class Polls:
    """A session whose job prints, with faults in between."""

    def __init__(self, *answers: fault_server.Answer | bytes) -> None:
        self._answers = list(answers)
        self.started = 0
        self._data = b""

    def __call__(self, handler: Handler) -> None:
        tool, arguments = handler.current.body["name"], handler.current.body["arguments"]
        if tool == "startCommandExecution":
            self.started += 1
            payload = {"content": [], "structuredContent": {"taskId": "t", "taskStatus": "submitted"}}
            fault_server.stream(event_stream.event("result", payload))(handler)
        elif tool == "readFiles":
            resource = {"type": "text", "uri": "file:///d", "blob": event_stream.base64_text(b"\xff" + self._data)}
            block = {"type": "resource", "resource": resource}
            fault_server.stream(event_stream.event("result", {"content": [block]}))(handler)
        elif tool == "executeCommand" and '"operation": "poll"' in arguments["command"]:
            self._poll(handler)
        else:
            fault_server.stream(event_stream.result('{"answer": true}'))(handler)

    def _poll(self, handler: Handler) -> None:
        answer = self._answers.pop(0)
        if not isinstance(answer, bytes):
            answer(handler)
            return
        self._data = answer
        answered = {"exit": None if answer else 0, "alive": True, "sizes": [0, 0], "lengths": [len(answer), 0]}
        fault_server.stream(event_stream.result(json.dumps({"answer": answered})))(handler)


def cut(handler: Handler) -> None:
    handler.begin_stream()
    handler.close_connection = True


def test_follow_goes_on_after_lost_connections_and_throttling(aws: CommandLine, faults: FaultServer) -> None:
    throttled = fault_server.error(429, "ThrottlingException", "slow down")
    polls = Polls(b"a\n", cut, b"b\n", *[throttled] * 6, b"c\n", b"")
    faults.answers["invoke"] = polls
    done = aws.run("run", "--follow", "print('x')")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a\nb\nc\n", b"")
    assert polls.started == 1
    assert faults.operations()[-1] == "stop"


def test_a_session_that_is_lost_under_follow_is_not_started_anew(aws: CommandLine, faults: FaultServer) -> None:
    gone = fault_server.error(404, "ResourceNotFoundException", "no such session")
    polls = Polls(b"a\n", gone)
    faults.answers["invoke"] = polls
    done = aws.run("run", "--follow", "--session", "work", "print('x')")
    assert (done.returncode, done.stdout) == (125, b"a\n")
    assert b"error[SessionGone]" in done.stderr
    assert (polls.started, faults.operations().count("start")) == (1, 1)


HOSTILE = [
    {"exit": float("inf"), "alive": True, "sizes": [0, 0], "lengths": [0, 0]},
    {"exit": 0},
    {"exit": "x", "alive": True, "sizes": [0, 0], "lengths": [0, 0]},
    {"exit": None, "alive": True, "sizes": [0, 0], "lengths": [-1, 0]},
    {"exit": None, "alive": True, "sizes": [0, 0], "lengths": [1 << 40, 0]},
    {"exit": None, "alive": True, "sizes": [0], "lengths": [0]},
    [],
]


@pytest.mark.parametrize("answer", HOSTILE, ids=str)
def test_hostile_answers(aws: CommandLine, faults: FaultServer, answer: object) -> None:
    wrong = fault_server.stream(event_stream.result(json.dumps({"answer": answer})))
    faults.answers["invoke"] = Polls(wrong, b"")
    done = aws.run("run", "--follow", "print('x')")
    assert done.returncode == 125
    assert b"error[UnexpectedAnswer]" in done.stderr
    assert faults.operations()[-1] == "stop"
