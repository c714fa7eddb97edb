"""Signals at any moment of `run`: the session is stopped, the status is the signal's, nothing is sent twice."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from support import fault_server
from support.fault_server import Pause
from support.processes import DEADLINE

if TYPE_CHECKING:
    import subprocess

    from support.fault_server import FaultServer, Handler
    from support.processes import CommandLine

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def one_session(handler: Handler) -> None:
    session = {"codeInterpreterIdentifier": "x", "sessionId": fault_server.SESSION, "name": "n", "status": "READY"}
    handler.send_json(200, {"items": [{**session, "createdAt": fault_server.CREATED}]})


@pytest.mark.parametrize("signum", STATUS, ids=lambda signum: signum.name)
def test_signal_while_the_program_runs(aws: CommandLine, faults: FaultServer, signum: signal.Signals) -> None:
    faults.answers["invoke"] = fault_server.silence
    child = aws.start("run", "while True: pass")
    assert faults.invoked.wait(DEADLINE)
    child.send_signal(signum)
    stdout, stderr = child.communicate(timeout=DEADLINE)
    assert (child.returncode, stdout) == (STATUS[signum], b""), stderr
    assert b"Traceback" not in stderr
    assert faults.operations() == ["start", "invoke", "stop"]


@pytest.mark.parametrize("operation", ["start", "stop"])
def test_signal_while_a_session_is_started_or_stopped(aws: CommandLine, faults: FaultServer, operation: str) -> None:
    pause = Pause(operation)
    faults.answers[operation] = pause
    child = aws.start("run", "print('hello')")
    assert pause.arrived.wait(DEADLINE)
    child.send_signal(signal.SIGTERM)
    assert child.stderr
    assert b"stopping" in child.stderr.readline()
    pause.go_on.set()
    child.communicate(timeout=DEADLINE)
    assert child.returncode == 143
    assert faults.operations() == (["start", "stop"] if operation == "start" else ["start", "invoke", "stop"])


def interrupted_at_the_stop(aws: CommandLine, faults: FaultServer) -> tuple[subprocess.Popen[bytes], Pause]:
    """A run that was interrupted, and waits for its session to be stopped."""
    faults.answers["invoke"] = fault_server.silence
    pause = Pause("stop")
    faults.answers["stop"] = pause
    child = aws.start("run", "while True: pass")
    assert faults.invoked.wait(DEADLINE)
    child.send_signal(signal.SIGINT)
    assert pause.arrived.wait(DEADLINE)
    assert child.stderr
    assert child.stderr.readline().endswith(b": interrupted; output comes at the end; --follow shows it live\n")
    return child, pause


def test_interrupted_twice_still_stops_the_session(aws: CommandLine, faults: FaultServer) -> None:
    child, pause = interrupted_at_the_stop(aws, faults)
    child.send_signal(signal.SIGINT)
    assert child.stderr
    assert b"one more signal exits now" in child.stderr.readline()
    pause.go_on.set()
    child.communicate(timeout=DEADLINE)
    assert (child.returncode, faults.operations()) == (130, ["start", "invoke", "stop"])


def test_interrupted_three_times_leaves_at_once(aws: CommandLine, faults: FaultServer) -> None:
    child, pause = interrupted_at_the_stop(aws, faults)
    assert child.stderr
    for words in ("one more signal exits now", f"agentcore-sandbox stop {fault_server.SESSION} ends it"):
        child.send_signal(signal.SIGINT)
        assert words.encode() in child.stderr.readline()
    child.communicate(timeout=DEADLINE)
    pause.go_on.set()
    assert child.returncode == 130


def test_nobody_to_tell_is_no_reason_to_leave_a_session(aws: CommandLine, faults: FaultServer) -> None:
    pause = Pause("start")
    faults.answers["start"] = pause
    reader, writer = os.pipe()
    child = aws.start("run", "print('hello')", stderr=writer)
    os.close(writer)
    os.close(reader)
    assert pause.arrived.wait(DEADLINE)
    child.send_signal(signal.SIGTERM)
    child.send_signal(signal.SIGTERM)
    pause.go_on.set()
    child.communicate(timeout=DEADLINE)
    assert (child.returncode, faults.operations()) == (143, ["start", "stop"])


def test_interrupted_exec_tells_that_the_program_may_live_on(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.silence
    child = aws.start("exec", fault_server.SESSION, "while True: pass")
    assert faults.invoked.wait(DEADLINE)
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=DEADLINE)
    assert (child.returncode, faults.operations()) == (130, ["invoke"])
    assert f"agentcore-sandbox stop {fault_server.SESSION}\n".encode() in stderr


def test_interrupted_list_does_not_wait_for_the_answers(aws: CommandLine, faults: FaultServer) -> None:
    pause = Pause("get")
    faults.answers["get"] = pause
    faults.answers["list"] = one_session
    child = aws.start("sessions")
    assert pause.arrived.wait(DEADLINE)
    child.send_signal(signal.SIGINT)
    stdout, stderr = child.communicate(timeout=DEADLINE)  # before any answer may come
    pause.go_on.set()
    assert (child.returncode, stdout, stderr) == (130, b"", b"")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda signum: signum.name)
def test_interrupted_json_is_one_object(aws: CommandLine, faults: FaultServer, signum: signal.Signals) -> None:
    faults.answers["invoke"] = fault_server.silence
    child = aws.start("run", "--json", "while True: pass")
    assert faults.invoked.wait(DEADLINE)
    child.send_signal(signum)
    told = json.loads(child.communicate(timeout=DEADLINE)[0])
    assert (told["exitCode"], told["isError"], told["sessionId"]) == (STATUS[signum], True, fault_server.SESSION)
    assert told["error"] == {"code": "Interrupted", "message": f"interrupted by {signum.name}", "hint": ""}


def test_a_signal_after_the_answer_adds_no_second_object(aws: CommandLine, faults: FaultServer) -> None:
    pause = Pause("stop")
    faults.answers["stop"] = pause
    child = aws.start("run", "--json", "print('hello')")
    assert pause.arrived.wait(DEADLINE)
    child.send_signal(signal.SIGINT)
    assert child.stderr
    assert b"stopping" in child.stderr.readline()
    pause.go_on.set()
    assert json.loads(child.communicate(timeout=DEADLINE)[0])["stdout"] == "hello"
    assert child.returncode == 130


def test_signal_while_a_retry_is_awaited(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.error(429, "ThrottlingException", "slow down")
    child = aws.start("run", "print('hello')")
    assert faults.invoked.wait(DEADLINE)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=DEADLINE)
    assert child.returncode == 130
    assert faults.operations()[-1] == "stop"


def test_reader_that_is_gone(aws: CommandLine, faults: FaultServer) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    child = aws.start("run", "print('hello')", stdout=writer)
    os.close(writer)
    _, stderr = child.communicate(timeout=DEADLINE)
    assert (child.returncode, stderr) == (141, b"")
    assert faults.operations() == ["start", "invoke", "stop"]


def test_full_disk(aws: CommandLine, faults: FaultServer) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        child = aws.start("run", "print('hello')", stdout=full.fileno())
        _, stderr = child.communicate(timeout=DEADLINE)
    assert child.returncode == 125
    assert stderr.startswith(b"error[OutputFailed]: cannot write to standard output: No space left on device")
    assert faults.operations() == ["start", "invoke", "stop"]


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_full_disk_for_our_own_output(cli: CommandLine, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        child = cli.start(*words, stdout=full.fileno())
        _, stderr = child.communicate(timeout=DEADLINE)
    assert child.returncode == 125
    assert stderr.startswith(b"error[OutputFailed]")


def test_closed_standard_streams(aws: CommandLine, faults: FaultServer) -> None:
    script = 'exec "$@" <&- >&- 2>&-'
    shell = aws.command
    child = type(aws)(("/bin/sh", "-c", script, "sh", *shell), aws.home, aws.base).run("run", "print('hello')")
    assert child.returncode == 125
    assert faults.operations() == ["start", "invoke", "stop"]


def test_session_whose_id_cannot_be_printed_is_stopped(aws: CommandLine, faults: FaultServer) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        child = aws.start("start", stdout=full.fileno())
        child.communicate(timeout=DEADLINE)
    assert (child.returncode, faults.operations()) == (125, ["start", "stop"])


def test_ignored_signals_stay_ignored(aws: CommandLine, faults: FaultServer) -> None:
    pause = Pause("invoke")
    faults.answers["invoke"] = pause
    shell = type(aws)(("/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *aws.command), aws.home, aws.base)
    child = shell.start("run", "print('hello')")
    assert pause.arrived.wait(DEADLINE)
    child.send_signal(signal.SIGHUP)
    pause.go_on.set()
    stdout, _ = child.communicate(timeout=DEADLINE)
    assert (child.returncode, stdout) == (0, b"hello")
