"""The service over its real socket: operations as botocore sees them, and HTTP that no good client sends."""

from __future__ import annotations

import contextlib
import gc
import json
import socket
import tracemalloc
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import ClientError, EventStreamError

from agentcore_emulator.service import server, sigv4
from agentcore_emulator.service.data_plane import SESSION_HEADER
from support import http_calls, service
from support.processes import eventually
from support.service import KEYS, LONG, Running

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

SYSTEM = "aws.codeinterpreter.v1"
ARN = f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{SYSTEM}"


def start(client: BedrockAgentCoreClient, interpreter: str = "local", **more: Any) -> str:
    return client.start_code_interpreter_session(codeInterpreterIdentifier=interpreter, **more)["sessionId"]


def invoke(client: BedrockAgentCoreClient, session: str, command: str) -> list[Any]:
    answer = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local", sessionId=session, name="executeCommand", arguments={"command": command}
    )
    assert answer["sessionId"] == session
    with closing(answer["stream"]) as stream:
        return list(stream)


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


# Operations


def test_a_session_from_start_to_stop(running: Running) -> None:
    client = running.client()
    before = datetime.now(timezone.utc)
    started = client.start_code_interpreter_session(
        codeInterpreterIdentifier="local", name="mine", sessionTimeoutSeconds=100
    )
    session = started["sessionId"]
    assert len(session) == 26
    assert started["codeInterpreterIdentifier"] == "local"
    assert before <= started["createdAt"] <= datetime.now(timezone.utc)
    got = client.get_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    assert (got["name"], got["status"], got["sessionTimeoutSeconds"]) == ("mine", "READY", 100)
    assert got["createdAt"] == started["createdAt"]
    events = invoke(client, session, "ls")
    text = "executeCommand {'command': 'ls'}"
    assert events == [{"result": {"content": [{"type": "text", "text": text}], "isError": False}}]
    stopped = client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    assert stopped["sessionId"] == session
    assert stopped["lastUpdatedAt"] >= started["createdAt"]
    got = client.get_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    assert got["status"] == "TERMINATED"
    assert not running.sandboxes[0].alive


@pytest.mark.parametrize("interpreter", ["local", SYSTEM, ARN])
def test_an_interpreter_is_known_by_id_and_arn(running: Running, interpreter: str) -> None:
    client = running.client()
    session = start(client, interpreter)
    got = client.get_code_interpreter_session(codeInterpreterIdentifier=interpreter, sessionId=session)
    assert got["codeInterpreterIdentifier"] == interpreter.rpartition("/")[2]
    assert got["sessionTimeoutSeconds"] == 900


@pytest.mark.parametrize("interpreter", ["mine-0123456789", "arn:aws:s3:::bucket", "a b/ü?", "..%2f"])
def test_another_interpreter_is_not_found(running: Running, interpreter: str) -> None:
    with pytest.raises(ClientError) as raised:
        start(running.client(), interpreter)
    assert code(raised) == "ResourceNotFoundException"


def test_an_unknown_session_is_not_found(running: Running) -> None:
    client = running.client()
    reference = {"codeInterpreterIdentifier": "local", "sessionId": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    for operation in (client.get_code_interpreter_session, client.stop_code_interpreter_session):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            operation(**reference)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        invoke(client, reference["sessionId"], "ls")


def test_a_session_that_has_ended_is_refused_as_recorded(running: Running) -> None:
    client = running.client()
    session = start(client)
    client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with pytest.raises(client.exceptions.ConflictException, match=f"Session already terminated: {session}"):
        client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with pytest.raises(
        client.exceptions.ValidationException, match=f"Code interpreter session {session} is not active"
    ):
        invoke(client, session, "ls")


def test_the_same_client_token_starts_one_session(running: Running) -> None:
    client = running.client()
    token = "0123456789-0123456789-0123456789-abc"
    assert start(client, clientToken=token) == start(client, clientToken=token)
    assert len(running.sandboxes) == 1
    with pytest.raises(client.exceptions.ValidationException) as raised:
        start(client, clientToken=token, name="other")
    assert dict(raised.value.response)["reason"] == "IdempotentParameterMismatchException"


def test_the_same_client_token_stops_twice(running: Running) -> None:
    client = running.client()
    reference = {"codeInterpreterIdentifier": "local", "sessionId": start(client)}
    token = "0123456789-0123456789-0123456789-abc"
    first = client.stop_code_interpreter_session(**reference, clientToken=token)
    assert (
        client.stop_code_interpreter_session(**reference, clientToken=token)["lastUpdatedAt"] == first["lastUpdatedAt"]
    )


def test_sessions_are_listed_in_pages_newest_first(running: Running) -> None:
    client = running.client()
    sessions = [start(client, name=f"n{number}") for number in range(12)]
    first = client.list_code_interpreter_sessions(codeInterpreterIdentifier="local")
    assert [item["sessionId"] for item in first["items"]] == sessions[:1:-1]
    start(client)  # one more between two pages moves nothing
    second = client.list_code_interpreter_sessions(codeInterpreterIdentifier="local", nextToken=first["nextToken"])
    assert [item["sessionId"] for item in second["items"]] == sessions[1::-1]
    assert "nextToken" not in second


def test_sessions_are_listed_by_status(running: Running) -> None:
    client = running.client()
    sessions = [start(client) for _ in range(4)]
    client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=sessions[1])
    running.sandboxes[2].close()  # it died
    listed = {
        status: client.list_code_interpreter_sessions(codeInterpreterIdentifier=SYSTEM, status=status)["items"]
        for status in ("READY", "TERMINATED")
    }
    assert [item["sessionId"] for item in listed["READY"]] == [sessions[3], sessions[0]]
    assert [item["sessionId"] for item in listed["TERMINATED"]] == [sessions[2], sessions[1]]


@pytest.mark.parametrize("token", ["x", "YmVmb3JlIHg", "YWZ0ZXIgMQ", "ü", "=" * 100])
def test_a_forged_page_token_is_refused(running: Running, token: str) -> None:
    client = running.client()
    with pytest.raises(client.exceptions.ValidationException, match="nextToken"):
        client.list_code_interpreter_sessions(codeInterpreterIdentifier="local", nextToken=token)


def test_what_the_embedded_service_lacks_is_refused(running: Running) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"
    certificate = {"location": {"secretsManager": {"secretArn": arn}}}
    with pytest.raises(ClientError, match="does not support certificates") as raised:
        start(running.client(), certificates=[certificate])
    assert code(raised) == "ValidationException"


# Invokes


def test_an_invoke_whose_session_is_stopped_ends_with_a_modelled_exception(running: Running) -> None:
    client, other = running.client(), running.client()
    session = start(client)
    stream = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local", sessionId=session, name="executeCommand", arguments={"command": "wait"}
    )["stream"]
    assert running.tools.started.wait(LONG)
    other.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with closing(stream), pytest.raises(EventStreamError, match=f"session {session} is not active") as raised:
        list(stream)
    assert raised.value.response["Error"]["Code"] == "validationException"


def test_a_caller_that_hangs_up_cancels_its_tool(running: Running) -> None:
    client = running.client()
    stream = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local",
        sessionId=start(client),
        name="executeCommand",
        arguments={"command": "wait"},
    )["stream"]
    assert running.tools.started.wait(LONG)
    assert not running.tools.cancelled.is_set()
    stream.close()
    assert running.tools.cancelled.wait(LONG)


def test_an_invoke_has_a_time_limit(tmp_path: Path) -> None:
    with service.serve(tmp_path, max_invoke=0.05) as running:
        client = running.client()
        session = start(client)
        with pytest.raises(EventStreamError, match=r"took longer than 0\.05 seconds") as raised:
            invoke(client, session, "wait")
        assert raised.value.response["Error"]["Code"] == "serviceQuotaExceededException"
        assert running.tools.cancelled.is_set()
        assert len(invoke(client, session, "ls")) == 1


@pytest.mark.parametrize(("command", "said"), [("bug", "see its log"), ("fail", "the tool broke")])
def test_a_failure_of_the_service_ends_the_stream_well(running: Running, command: str, said: str) -> None:
    client = running.client()
    with pytest.raises(EventStreamError, match=said) as raised:
        invoke(client, start(client), command)
    assert raised.value.response["Error"]["Code"] == "internalServerException"


def test_a_large_result_arrives_and_one_too_large_is_told(running: Running) -> None:
    client = running.client()
    session = start(client)
    ((size,),) = [[len(event["result"]["content"][0]["text"]) for event in invoke(client, session, "size 20000000")]]
    assert size == 20_000_000
    with pytest.raises(EventStreamError, match="in parts") as raised:
        invoke(client, session, "size 26000000")
    assert raised.value.response["Error"]["Code"] == "serviceQuotaExceededException"


# HTTP


def send(running: Running, data: bytes) -> bytes:
    """Send bytes and return all that comes back."""
    with socket.create_connection(("127.0.0.1", running.server.server_port), LONG) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def signed(running: Running, method: str, target: str, body: bytes = b"") -> http_calls.Answer:
    return http_calls.call(running.url, KEYS, method, target, body)


LIST = "/code-interpreters/local/sessions/list"


def test_a_well_signed_request_is_answered(running: Running) -> None:
    answer = signed(running, "POST", LIST, b"{}")
    assert (answer.status, answer.body) == (200, {"items": []})
    assert len(answer.headers["x-amzn-RequestId"]) == 32
    assert "Python" not in answer.headers["Server"]


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"host": "127.0.0.1:1"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
def test_a_foreign_host_or_any_origin_is_refused(running: Running, headers: dict[str, str]) -> None:
    answer = http_calls.call(running.url, KEYS, "POST", LIST, b"{}", headers=headers)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert "web page" in answer.body["message"]


@pytest.mark.parametrize(("minutes", "said"), [(-10, "expired"), (10, "not yet current")])
def test_a_skewed_clock_is_refused(running: Running, minutes: int, said: str) -> None:
    answer = http_calls.call(running.url, KEYS, "POST", LIST, b"{}", skew=timedelta(minutes=minutes))
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "InvalidSignatureException")
    assert said in answer.body["message"]


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "error"),
    [
        ("POST", LIST, b"{", 400, "ValidationException"),
        ("POST", LIST, b"[]", 400, "ValidationException"),
        ("POST", LIST, b"\xff", 400, "ValidationException"),
        ("GET", LIST, b"", 404, "UnknownOperationException"),
        ("POST", "/", b"", 404, "UnknownOperationException"),
        ("GET", "/code-interpreters/local/sessions/get", b"", 400, "ValidationException"),
        ("GET", "/code-interpreters/local/sessions/get?sessionId=..", b"", 400, "ValidationException"),
        ("PUT", "/code-interpreters/local/sessions/start", b'{"name": ""}', 400, "ValidationException"),
        ("POST", "/code-interpreters/local/tools/invoke", b'{"name": "getTask"}', 400, "ValidationException"),
    ],
)
def test_a_bad_request_is_answered_with_the_apis_error(
    running: Running, method: str, target: str, body: bytes, status: int, error: str
) -> None:
    answer = signed(running, method, target, body)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (status, error)


def test_deeply_nested_json_is_refused(running: Running) -> None:
    gc.disable()  # or a collection at the bottom of the parser's stack makes pytest complain about this process
    try:
        assert signed(running, "POST", LIST, b"[" * 100_000).body["reason"] == "CannotParse"
    finally:
        gc.enable()


def test_a_located_member_is_not_taken_from_the_body(running: Running) -> None:
    body = b'{"codeInterpreterIdentifier": "other", "sessionId": "1"}'
    assert signed(running, "POST", LIST, body).status == 200


def test_a_body_above_the_limit_is_refused_and_the_answer_arrives(
    running: Running,
) -> None:
    running.server.max_body = 1000
    answer = signed(running, "POST", LIST, b" " * 30_000_000)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (413, "RequestEntityTooLargeException")
    assert "30000000" in answer.body["message"]


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n1",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n1",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PATCH / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort",
        b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"x: y\r\n" * 200 + b"\r\n",
        b"",
    ],
)
def test_hostile_http_ends_in_an_error_and_the_server_lives(running: Running, request_: bytes) -> None:
    answer = send(running, request_)
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert signed(running, "POST", LIST, b"{}").status == 200


def test_an_unknown_key_is_refused_before_the_body_is_read(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.server.server_port), LONG) as connection:
        host = f"127.0.0.1:{running.server.server_port}"
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 90000000\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_slow_clients_do_not_hold_up_others(running: Running) -> None:
    slow = [socket.create_connection(("127.0.0.1", running.server.server_port), LONG) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-")
    assert signed(running, "POST", LIST, b"{}").status == 200
    for connection in slow:
        connection.close()


def test_requests_are_recorded_without_keys_and_bodies(running: Running) -> None:
    client = running.client()
    session = start(client, name="secret-name")
    invoke(client, session, "secret-command")
    with pytest.raises(ClientError):
        start(client, "unknown")
    assert eventually(lambda: len(running.requests) == 6)
    performed, answered = running.requests[::2], running.requests[1::2]
    assert [entry["operation"] for entry in performed] == [
        "StartCodeInterpreterSession",
        "InvokeCodeInterpreter",
        "StartCodeInterpreterSession",
    ]
    assert (performed[1]["sessionId"], performed[1]["tool"]) == (session, "executeCommand")
    assert [entry["requestId"] for entry in performed] == [entry["requestId"] for entry in answered]
    outcomes = [(entry["method"], entry["status"], entry.get("error")) for entry in answered]
    assert outcomes == [("PUT", 200, None), ("POST", 200, None), ("PUT", 404, "ResourceNotFoundException")]
    text = json.dumps(running.requests)
    assert "secret" not in text
    assert KEYS.access_key_id not in text


# Bounds


def raw(running: Running, method: str, target: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """A signed request as it is on the wire."""
    host = running.url.removeprefix("http://")
    message = sigv4.Message(method, target, "", {"host": host}, body)
    headers = sigv4.sign(message, "us-east-1", KEYS, datetime.now(timezone.utc))
    lines = [f"{method} {target} HTTP/{version}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def connect(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.server.server_port), LONG)


def until_end(connection: socket.socket) -> bytes:
    """All that comes, until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(
    ("line", "lines"), [(b"x: " + b"y" * 65_000, 90), (b"x: y", 101), (b"x" * 40_000, 1)], ids=["long", "many", "one"]
)
def test_a_header_section_is_bounded(running: Running, line: bytes, lines: int) -> None:
    with connect(running) as connection:
        connection.settimeout(LONG)
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"POST / HTTP/1.1\r\n" + (line + b"\r\n") * lines + b"\r\n")
        assert until_end(connection).split(b" ")[1:2] in ([b"431"], [])  # or the reset was quicker than the response
    assert signed(running, "POST", LIST, b"{}").status == 200


def test_header_sections_take_little_memory(running: Running) -> None:
    """A red team's: 60 connections, each with 100 headers of 64 KB, took 1.8 GB."""
    tracemalloc.start()
    try:
        connections = [connect(running) for _ in range(60)]
        for connection in connections:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"POST / HTTP/1.1\r\n" + (b"x: " + b"y" * 60_000 + b"\r\n") * 20)
        assert signed(running, "POST", LIST, b"{}").status == 200
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
        for connection in connections:
            connection.close()


def test_of_too_many_unauthenticated_connections_the_oldest_is_closed(running: Running) -> None:
    running.server.unauthenticated.most = 3
    with connect(running) as trusted, contextlib.ExitStack() as stack:
        trusted.sendall(raw(running, "POST", LIST, b"{}"))
        assert trusted.recv(65536).startswith(b"HTTP/1.1 200 ")
        others = [stack.enter_context(connect(running)) for _ in range(6)]
        assert [until_end(connection) for connection in others[:3]] == [b""] * 3
        for connection in (others[-1], trusted):
            connection.sendall(raw(running, "POST", LIST, b"{}"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("limit", "begun"),
    [
        ("HEADER_SECONDS", b""),
        ("HEADER_SECONDS", b"POST / HT"),
        ("HEADER_SECONDS", b"POST / HTTP/1.1\r\nhost: x\r\n"),
        ("BODY_SECONDS", None),
    ],
    ids=["nothing", "line", "headers", "body"],
)
def test_a_request_that_does_not_arrive_is_given_up(
    running: Running, monkeypatch: pytest.MonkeyPatch, limit: str, begun: bytes | None
) -> None:
    monkeypatch.setattr(server, limit, 0.05)
    with connect(running) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(raw(running, "POST", LIST, b"{}")[:-1] if begun is None else begun)
        assert until_end(connection) == b""


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: " + b"9" * 5000,
        b"Content-Length: 1" + b"0" * 20,
        b"Transfer-Encoding: chunked",
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: x",
    ],
)
def test_after_a_request_of_unknown_length_nothing_more_is_read(running: Running, headers: bytes) -> None:
    host = running.url.removeprefix("http://").encode()
    smuggled = raw(running, "PUT", "/code-interpreters/local/sessions/start", b"{}")
    with connect(running) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: " + host + b"\r\n" + headers + b"\r\n\r\n" + smuggled)
        connection.shutdown(socket.SHUT_WR)
        answer = until_end(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert running.sandboxes == []


INVOKE = "/code-interpreters/local/tools/invoke"


def invocation(running: Running, command: str, version: str = "1.1") -> bytes:
    body = json.dumps({"name": "executeCommand", "arguments": {"command": command}}).encode()
    session = f"{SESSION_HEADER}: {start(running.client())}\r\ncontent-length".encode()
    return raw(running, "POST", INVOKE, body, version).replace(b"content-length", session, 1)


def test_a_client_of_http_1_0_gets_no_chunks(running: Running) -> None:
    with connect(running) as connection:
        connection.sendall(invocation(running, "ls", "1.0"))
        head, _, body = until_end(connection).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    buffer: Any = EventStreamBuffer()  # untyped in botocore
    buffer.add_data(body)
    assert [json.loads(event.payload)["isError"] for event in buffer] == [False]


@pytest.mark.parametrize("waits", [0.01, LONG])
def test_the_head_of_a_stream_waits_for_the_result_or_a_moment(
    running: Running, monkeypatch: pytest.MonkeyPatch, waits: float
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", waits)
    with connect(running) as connection:
        connection.sendall(invocation(running, "wait"))
        assert running.tools.started.wait(LONG)
        if waits == LONG:
            connection.settimeout(0)
            with pytest.raises(BlockingIOError):
                connection.recv(1)
            connection.settimeout(LONG)
            running.sandboxes[0].close()
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
