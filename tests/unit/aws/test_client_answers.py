"""Answers that no service of AWS gives: they are told, and never taken for a success."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.settings import Settings
from support import fault_server
from support.event_stream import event, frame, result
from support.fault_server import SESSION, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient
    from support.fault_server import FaultServer

JSON = "application/json"
CALLS: dict[str, Callable[[SessionClient], Any]] = {
    "start": lambda interpreter: interpreter.start(name="n", lifetime=900),
    "stop": lambda interpreter: interpreter.stop(SESSION),
    "get": lambda interpreter: interpreter.is_ready(SESSION),
    "list": lambda interpreter: list(interpreter.sessions()),
}
NONSENSE = {
    "a page": page(200, "text/html", b"<html>log in to this network</html>"),
    "a list": page(200, JSON, b"[1]"),
    "an error that is a list": page(403, JSON, b"[]"),
    "an error that is null": page(400, JSON, b"null"),
}
INCOMPLETE = {
    "nothing": page(200, JSON, b""),
    "an empty object": page(200, JSON, b"{}"),
    "half an object": page(200, JSON, b'{"sessionId":'),
    "wrong types": page(200, JSON, b'{"items": 5, "createdAt": "x"}'),
}
RESULTS: dict[str, Any] = {
    "null": None,
    "a list": [1],
    "an empty object": {},
    "an unknown object": {"a": 1},
    "content that is text": {"content": "abc"},
    "content that is numbers": {"content": [1, None]},
    "a text that is a number": {"content": [{"type": "text", "text": 5}]},
    "structured content that is a list": {"structuredContent": [1]},
    "a number as output": {"structuredContent": {"stdout": 5}},
    "a word as exit code": {"structuredContent": {"exitCode": "3"}},
    "half an exit code": {"structuredContent": {"exitCode": 0.5}},
    "a word as time": {"structuredContent": {"exitCode": 0, "executionTime": "fast"}},
}


@pytest.fixture(scope="module")
def service() -> Iterator[FaultServer]:
    with fault_server.serve() as server:
        yield server


@pytest.fixture(scope="module")
def interpreter(service: FaultServer) -> Iterator[SessionClient]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "dummy")
        client = connect(Settings("aws.codeinterpreter.v1", region="us-west-2", endpoint_url=service.url))
        yield client
        client._client.close()


def refused(call: Callable[[], Any]) -> AgentcoreSandboxError:
    with pytest.raises(AgentcoreSandboxError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense(
    interpreter: SessionClient, service: FaultServer, operation: str, answer: fault_server.Answer
) -> None:
    service.answers[operation] = answer
    error = refused(lambda: CALLS[operation](interpreter))
    assert (error.code, "--endpoint-url" in error.hint) == ("UnexpectedAnswer", True)


@pytest.mark.parametrize("operation", ["start", "get", "list"])
@pytest.mark.parametrize("answer", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_incomplete(
    interpreter: SessionClient, service: FaultServer, operation: str, answer: fault_server.Answer
) -> None:
    service.answers[operation] = answer
    assert refused(lambda: CALLS[operation](interpreter)).code == "UnexpectedAnswer"


@pytest.mark.parametrize("payload", RESULTS.values(), ids=RESULTS.keys())
def test_result_that_is_none(interpreter: SessionClient, service: FaultServer, payload: Any) -> None:
    service.requests.clear()
    service.answers["invoke"] = fault_server.stream(event("result", payload))
    error = refused(lambda: list(interpreter.invoke(SESSION, "executeCode", {"code": "1"})))
    assert (error.code, "was not sent a second time" in error.hint) == ("UnexpectedAnswer", True)
    assert service.operations() == ["invoke"]


def prelude(length: int) -> bytes:
    """The prelude of a message of so many bytes, with its checksum."""
    lengths = struct.pack(">II", length, 0)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


PAGE = page(200, "text/html", b"<html>log in to this network</html>")
UNMODELLED = frame(
    {":message-type": "exception", ":exception-type": "modelException", ":content-type": "application/json"},
    b'{"message": "the model is away"}',
)
FORGED = frame({":message-type": "error", ":error-code": "X\nhint: run rm -rf", ":error-message": "no"}, b"")
STREAMS = {
    "a page": (PAGE, "UnexpectedAnswer", "text/html"),
    "a page of a busy proxy": (page(429, "text/html", b"<html>slow down</html>"), "Throttled", "an HTML page"),
    "an unmodelled exception": (fault_server.stream(UNMODELLED), "ModelException", "the model is away"),
    "a forged code": (fault_server.stream(FORGED), "Xhint:runrm-rf", "no"),
    "a message of no bytes": (fault_server.stream(prelude(0)), "BrokenStream", "a message of 0 bytes"),
    "a message shorter than its prelude": (fault_server.stream(prelude(11)), "BrokenStream", "11 bytes"),
}


@pytest.mark.parametrize(("answer", "code", "words"), STREAMS.values(), ids=STREAMS.keys())
def test_stream_that_is_none(
    interpreter: SessionClient, service: FaultServer, answer: fault_server.Answer, code: str, words: str
) -> None:
    check(interpreter, service, answer, code, words)


def test_results_without_end(interpreter: SessionClient, service: FaultServer) -> None:
    answer = fault_server.stream(result("x" * 1_000_000) * 40)
    check(interpreter, service, answer, "BrokenStream", "more than 32 MiB")


def check(interpreter: SessionClient, service: FaultServer, answer: fault_server.Answer, code: str, words: str) -> None:
    """An invoke with that answer fails so."""
    service.answers["invoke"] = answer
    error = refused(lambda: list(interpreter.invoke(SESSION, "executeCode", {"code": "1"})))
    assert (error.code, words in error.message) == (code, True), error.message
    assert error.hint


ITEM = {"codeInterpreterIdentifier": "x", "sessionId": "S1", "status": "READY", "createdAt": fault_server.CREATED}
LISTS = {
    "a token that repeats": {"items": [ITEM], "nextToken": "again"},
    "a number as id": {"items": [{**ITEM, "sessionId": 5}]},
    "a list as status": {"items": [{**ITEM, "status": [1]}]},
    "a time beyond all time": {"items": [{**ITEM, "createdAt": 1e300}]},
    "a time that is a list": {"items": [{**ITEM, "createdAt": [1]}]},
    "a time at the edge": {"items": [{**ITEM, "createdAt": "0001-01-01T00:00:00+14:00"}]},
}


@pytest.mark.parametrize("value", LISTS.values(), ids=LISTS.keys())
def test_list_that_is_none(interpreter: SessionClient, service: FaultServer, value: Any) -> None:
    service.answers["list"] = page(200, JSON, json.dumps(value).encode())
    assert refused(lambda: list(interpreter.sessions())).code == "UnexpectedAnswer"


@pytest.mark.parametrize("time", ["2026-11-23T10:00:00", "2026-11-23", 1763892000, "1763892000.5"])
def test_times_can_be_compared(interpreter: SessionClient, service: FaultServer, time: Any) -> None:
    items = [ITEM, {**ITEM, "createdAt": time}]
    service.answers["list"] = page(200, JSON, json.dumps({"items": items}).encode())
    assert len(sorted(session.created_at for session in interpreter.sessions())) == 2


def test_the_client_waits_longer_than_an_invoke_may_take(interpreter: SessionClient) -> None:
    config = interpreter._client.meta.config
    assert (config.read_timeout > 900, config.tcp_keepalive) == (True, True)  # type: ignore[attr-defined]
