"""The wire cases: whatever becomes of the stream, output is kept, failure is told, and the program is sent once."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.settings import trace_parent
from support import event_stream, fault_server
from support.event_stream import event, exception, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_server import FaultServer, Handler
    from support.processes import CommandLine

HELLO = result("hello")


def raw_chunks(data: bytes, *, complete: bool = True) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.begin_stream()
        handler.chunk(data)
        if complete:
            handler.end_chunks()
        handler.close_connection = True

    return answer


def cut_chunk(handler: Handler) -> None:
    handler.begin_stream()
    handler.wfile.write(f"{len(HELLO):x}\r\n".encode() + HELLO[:50])
    handler.close_connection = True


def cut_chunk_after_output(handler: Handler) -> None:
    handler.begin_stream()
    handler.chunk(HELLO)
    handler.wfile.write(b"ff\r\nshort")
    handler.close_connection = True


def close_delimited_cut(handler: Handler) -> None:
    handler.begin_stream(chunked=False)
    handler.wfile.write(HELLO[: len(HELLO) // 2])
    handler.close_connection = True


def byte_by_byte(handler: Handler) -> None:
    handler.begin_stream()
    for byte in HELLO:
        handler.chunk(bytes([byte]))
    handler.end_chunks()


def reset_before_headers(handler: Handler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(handler.connection.detach())


def reset(handler: Handler) -> None:
    handler.begin_stream()
    handler.chunk(HELLO[:20])
    reset_before_headers(handler)


def huge(handler: Handler) -> None:
    handler.begin_stream()
    data = result("x" * (25 << 20))
    for start in range(0, len(data), 1 << 20):
        handler.chunk(data[start : start + (1 << 20)])
    handler.end_chunks()


@dataclass(frozen=True)
class Case:
    answer: Callable[[Handler], None]
    status: int
    stdout: bytes = b""
    code: bytes = b""


CASES = {
    "ok": Case(fault_server.ok, 0, b"hello"),
    "empty body": Case(fault_server.stream(), 125, code=b"NoResult"),
    "partial frame then clean end": Case(raw_chunks(HELLO[:-10]), 125, code=b"NoResult"),
    "cut chunk": Case(cut_chunk, 125, code=b"ConnectionLost"),
    "cut chunk after output": Case(cut_chunk_after_output, 125, b"hello", b"ConnectionLost"),
    "close-delimited cut": Case(close_delimited_cut, 125, code=b"NoResult"),
    "bad checksum": Case(raw_chunks(HELLO[:-1] + bytes([HELLO[-1] ^ 1])), 125, code=b"BrokenStream"),
    "bad checksum after output": Case(raw_chunks(HELLO + HELLO[:-1] + b"?"), 125, b"hello", b"BrokenStream"),
    "modelled exception after output": Case(
        fault_server.stream(HELLO, exception("internalServerException", "broke")), 125, b"hello", b"ServiceFailed"
    ),
    "session gone in the middle": Case(
        fault_server.stream(exception("resourceNotFoundException", "no such session")), 125, code=b"SessionGone"
    ),
    "unknown event type alone": Case(fault_server.stream(event("progress", {"percent": 5})), 125, code=b"NoResult"),
    "unknown event type before": Case(fault_server.stream(event("progress", {}), HELLO), 0, b"hello"),
    "one byte a chunk": Case(byte_by_byte, 0, b"hello"),
    "reset": Case(reset, 125, code=b"ConnectionLost"),
    "reset before the headers": Case(reset_before_headers, 125, code=b"ConnectionLost"),
    "over the message limit": Case(huge, 125, code=b"OutputTooLarge"),
    "500 before the stream": Case(
        fault_server.error(500, "InternalServerException", "oops"), 125, code=b"ServiceFailed"
    ),
    "result that is no JSON": Case(
        fault_server.stream(event_stream.frame({**event_stream.RESULT}, b"not JSON")), 125, code=b"UnexpectedAnswer"
    ),
    "nonsense after output": Case(
        fault_server.stream(HELLO, event("result", {"structuredContent": {"exitCode": "0"}})),
        125,
        b"hello",
        b"UnexpectedAnswer",
    ),
    "gateway's page": Case(fault_server.page(502, "text/html", b"<html>"), 125, code=b"ServiceFailed"),
    "tool failure without exit code": Case(
        fault_server.stream(event("result", {"content": [{"type": "text", "text": "no"}], "isError": True})), 1
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_stream(aws: CommandLine, faults: FaultServer, case: Case) -> None:
    faults.answers["invoke"] = case.answer
    done = aws.run("run", "print('hello')")
    assert (done.returncode, done.stdout) == (case.status, case.stdout), done.stderr
    assert (b"error[" + case.code + b"]" if case.code else b"") in done.stderr
    assert b"Traceback" not in done.stderr
    assert faults.operations() == ["start", "invoke", "stop"]


def silence_before_headers(handler: Handler) -> None:
    handler.state.finished.wait(120)
    handler.close_connection = True


@pytest.mark.parametrize("answer", [fault_server.silence, silence_before_headers])
def test_silence_ends_at_the_time_limit(
    aws: CommandLine, faults: FaultServer, answer: Callable[[Handler], None]
) -> None:
    faults.answers["invoke"] = answer
    done = aws.run("run", "--exec-timeout", "0.5", "print('hello')")
    assert (done.returncode, done.stdout) == (124, b"")
    assert done.stderr.startswith(b"error[TimeLimit]: not finished within 0.5 seconds")
    assert b"hint: raise --exec-timeout; for longer work use --follow" in done.stderr
    assert faults.operations() == ["start", "invoke", "stop"]


def test_a_lost_preparation_says_that_the_program_was_not_started(aws: CommandLine, faults: FaultServer) -> None:
    faults.preparation, faults.answers["invoke"] = fault_server.stream(), fault_server.unprepared
    done = aws.run("run", "print('hello')")
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"hint: the program was not started; try again\n" in done.stderr
    assert faults.operations() == ["start", "invoke", "stop"]


def test_a_preparation_whose_process_was_killed_is_told_and_repeated(aws: CommandLine, faults: FaultServer) -> None:
    killed = fault_server.stream(result("", "variables are lost", 137))
    faults.preparation = fault_server.in_turn(killed, fault_server.ok)
    faults.answers["invoke"] = fault_server.in_turn(fault_server.unprepared, fault_server.ok)
    done = aws.run("run", "print('hello')")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"variables are lost\n")
    faults.preparation, faults.answers["invoke"] = killed, fault_server.unprepared
    done = aws.run("run", "print('hello')")
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"error[NotPrepared]: the sandbox is not ready for this language: variables are lost\n" in done.stderr
    assert faults.operations() == ["start", "invoke", "invoke", "stop", "start", "invoke", "stop"]


def test_time_limit_of_exec_says_that_the_program_may_live(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.silence
    done = aws.run("exec", fault_server.SESSION, "--exec-timeout", "0.5", "--cmd", "sleep 9")
    assert done.returncode == 124
    assert b"agentcore-sandbox stop " + fault_server.SESSION.encode() in done.stderr
    assert faults.operations() == ["invoke"]


def test_throttled_invoke_is_sent_again(aws: CommandLine, faults: FaultServer) -> None:
    throttled = fault_server.error(429, "ThrottlingException", "slow down")
    faults.answers["invoke"] = fault_server.in_turn(throttled, throttled, fault_server.ok)
    done = aws.run("run", "print('hello')")
    assert (done.returncode, done.stdout) == (0, b"hello"), done.stderr
    assert faults.operations() == ["start", "invoke", "invoke", "invoke", "stop"]


def test_several_results_are_joined(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(result("a\n"), result("b", "e", 3))
    done = aws.run("run", "x")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a\nb", b"e")


def test_output_before_a_failure_is_in_the_json_object(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(HELLO, exception("throttlingException", "slow down"))
    done = aws.run("run", "--json", "x")
    assert done.returncode == 125
    assert b'"stdout": "hello"' in done.stdout
    assert b'"code": "Throttled"' in done.stdout


def test_start_is_one_session_however_often_it_is_sent(aws: CommandLine, faults: FaultServer) -> None:
    broken = fault_server.error(500, "InternalServerException", "again")
    faults.answers["start"] = fault_server.in_turn(broken, fault_server.DEFAULTS["start"])
    assert aws.run("start").stdout.decode().strip() == fault_server.SESSION
    tokens = {request.body["clientToken"] for request in faults.requests}
    assert (faults.operations(), len(tokens)) == (["start", "start"], 1)


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with suppress(OSError):  # the reader has had enough
        while not handler.state.finished.is_set():
            handler.chunk(b" " * (1 << 20))
    handler.close_connection = True


@pytest.mark.parametrize(
    ("operation", "words"), [("start", ["run", "x"]), ("list", ["sessions"])], ids=["start", "list"]
)
def test_an_answer_without_an_end(aws: CommandLine, faults: FaultServer, operation: str, words: list[str]) -> None:
    faults.answers[operation] = endless
    done = aws.run(*words)
    assert done.stderr.startswith(b"error[BrokenStream]: the answer was damaged: it has more than 32 MiB")


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        ("start", {"sessionId": "a\nb"}, b"a session's id has other characters"),
        ("list", {"items": [], "nextToken": 5}, b"a next page without a token"),
    ],
    ids=["id", "token"],
)
def test_an_answer_that_no_request_can_carry_on(
    aws: CommandLine, faults: FaultServer, operation: str, answer: object, said: bytes
) -> None:
    faults.answers[operation] = lambda handler: handler.send_json(200, answer)
    done = aws.run(*(["run", "x"] if operation == "start" else ["sessions"]))
    assert done.stderr.startswith(b"error[UnexpectedAnswer]: ")
    assert said in done.stderr
    assert [request.operation for request in faults.requests] == [operation]


def test_frames_are_what_the_service_sends() -> None:
    assert len(event_stream.frame({}, b"")) == 16


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_the_callers_trace_goes_to_aws(aws: CommandLine, faults: FaultServer) -> None:
    assert aws.run("run", "x", env={"TRACEPARENT": TRACE}).returncode == 0
    assert {request.headers.get("traceparent") for request in faults.requests} == {TRACE}


NO_TRACES = (
    *("", "x", "0" * 55, f"{TRACE}\n", f"{TRACE}-x", f"ff{TRACE[2:]}"),
    *(
        TRACE.upper(),
        TRACE.replace("4bf9", "\x1b[2J"),
        f"{TRACE[:3]}{'0' * 32}{TRACE[35:]}",
        f"{TRACE[:36]}{'0' * 16}-01",
    ),
)


@pytest.mark.parametrize("wrong", NO_TRACES)
def test_what_is_no_trace_is_not_sent(wrong: str) -> None:
    assert trace_parent({"TRACEPARENT": wrong}) == ""
    assert trace_parent({}) == ""
    assert trace_parent({"traceparent": TRACE}) == TRACE
