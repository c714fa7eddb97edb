"""`--verbose`: a line for each request, whatever becomes of it, and nothing that it carries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from support import fault_server

if TYPE_CHECKING:
    from support.fault_server import FaultServer
    from support.processes import CommandLine

LINE = re.compile(
    r"agentcore-sandbox: \d\d:\d\d:\d\d\.\d{3} (\w+): (\w+) after \d+\.\d{3} s, attempt (\d), request ([\w-]+)"
)
THROTTLED = fault_server.error(429, "ThrottlingException", "slow down")


def test_each_request_is_told_with_its_attempt(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["start"] = fault_server.in_turn(THROTTLED, fault_server.DEFAULTS["start"])
    faults.answers["invoke"] = fault_server.in_turn(THROTTLED, fault_server.ok)
    done = aws.run("run", "--verbose", "--env", "TOKEN=token-secret", "--cmd", "echo program-secret")
    told = [LINE.fullmatch(line) for line in done.stderr.decode().splitlines()]
    assert [line and line.groups()[:3] for line in told] == [
        ("StartCodeInterpreterSession", "429", "1"),
        ("StartCodeInterpreterSession", "200", "2"),
        ("InvokeCodeInterpreter", "429", "1"),
        ("InvokeCodeInterpreter", "200", "2"),
        ("StopCodeInterpreterSession", "200", "1"),
    ]
    assert (done.returncode, done.stdout) == (0, b"hello")
    assert not any(secret in done.stderr for secret in (b"secret", b"AKIDEXAMPLE", b"Signature"))


def test_a_request_without_an_answer_is_told_too(aws: CommandLine) -> None:
    done = aws.run("--verbose", "sessions", "--endpoint-url", "http://127.0.0.1:1", "--json")
    lines = [LINE.fullmatch(line) for line in done.stderr.decode().splitlines()]
    assert {line and (line[1], line[2]) for line in lines} == {
        ("ListCodeInterpreterSessions", "EndpointConnectionError")
    }


def test_nothing_is_told_without_it(aws: CommandLine) -> None:
    assert aws.run("--verbose", "run", "1").stderr
    assert aws.run("run", "1").stderr == b""
