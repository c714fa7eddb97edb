"""The HTTP server over its real socket: what no good client sends, and what a hostile one may not take."""

from __future__ import annotations

import contextlib
import gc
import json
import resource
import socket
import threading
import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.service import server, sigv4
from agentcore_emulator.service.data_plane import SESSION_HEADER
from agentcore_emulator.service.errors import ServiceError
from agentcore_emulator.service.http_messages import Head
from support import http_calls
from support.service import KEYS, LONG, Running


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
@pytest.mark.aws("assumed", "Requests", "An invoke without a session id is refused with a `ValidationException`")
def test_a_bad_request_is_answered_with_the_apis_error(
    running: Running, method: str, target: str, body: bytes, status: int, error: str
) -> None:
    answer = signed(running, method, target, body)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (status, error)


@pytest.mark.aws("assumed", "Requests", "A body that is no JSON object, or nested too deeply, has reason `CannotParse`")
def test_deeply_nested_json_is_refused(running: Running) -> None:
    gc.disable()  # or a collection at the bottom of the parser's stack makes pytest complain about this process
    try:
        assert signed(running, "POST", LIST, b"[" * 100_000).body["reason"] == "CannotParse"
    finally:
        gc.enable()


def test_a_located_member_is_not_taken_from_the_body(running: Running) -> None:
    body = b'{"codeInterpreterIdentifier": "other", "sessionId": "1"}'
    assert signed(running, "POST", LIST, body).status == 200


@pytest.mark.aws("assumed", "Requests", "A body above 100,000,000 bytes is HTTP 413 `RequestEntityTooLargeException`")
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
        b"POST / HTTP/2.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nname\r\n\r\n",
        b"POST / HTTP/1.1\r\nname : value\r\n\r\n",
        b"POST / HTTP/1.1\r\nname: a\rb\r\n\r\n",
        b"\r\nPOST / HTTP/1.1\r\n\r\n",
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


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"POST / HTTP/1.1\r\n", b"a: b\r\n", b" c\r\n", b"a : b\n"])))
def test_a_head_is_understood_or_refused(lines: list[bytes]) -> None:
    try:
        head = Head.parse([b"GET /x?y HTTP/1.1\r\n", *lines, b"\r\n"])
    except ServiceError:
        return
    assert (head.method, head.target) == ("GET", "/x?y")
    assert not any(set("".join(pair)) & set("\r\n\0") for pair in head.headers.items())


def test_an_unknown_key_is_refused_before_the_body_is_read(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.server.server_port), LONG) as connection:
        host = f"127.0.0.1:{running.server.server_port}"
        connection.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 90000000\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_a_client_that_holds_its_body_back_is_told_to_send_it(running: Running) -> None:
    request = raw(running, "POST", LIST, b"{}").replace(b"content-length", b"Expect: 100-continue\r\ncontent-length", 1)
    with connect(running) as connection:
        connection.sendall(request.removesuffix(b"{}"))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_connections_leave_half_of_the_descriptors_to_others(running: Running) -> None:
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, usual[1]))
    try:
        made = server.Server(0, KEYS, running.dispatcher.handle, running.requests.append, running.server.timers)
        made.server_close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert made.unauthenticated.most == 300


def test_slow_clients_do_not_hold_up_others(running: Running) -> None:
    slow = [socket.create_connection(("127.0.0.1", running.server.server_port), LONG) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-")
    assert signed(running, "POST", LIST, b"{}").status == 200
    for connection in slow:
        connection.close()


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
        b"Content-Length: 1,1",
        b"Content-Length:\r\n 1",
        b"Content-Length: 1\r\n 1",
        b"Content-Length: 1\r\nTransfer-Encoding: identity",
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
    started = running.client().start_code_interpreter_session(codeInterpreterIdentifier="local")
    session = f"{SESSION_HEADER}: {started['sessionId']}\r\ncontent-length".encode()
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
@pytest.mark.aws("assumed", "Invokes", "The headers of the answer come with the result, or after a second")
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


def test_a_late_thread_does_not_begin_the_next_answer(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, goes_on, done = threading.Event(), threading.Event(), threading.Event()
    original = server._Connection._flush_head

    def late(*arguments: Any) -> None:
        asked.set()
        assert goes_on.wait(LONG)
        original(*arguments)
        done.set()

    monkeypatch.setattr(server._Connection, "_flush_head", late)
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.01)
    with connect(running) as connection:
        connection.sendall(invocation(running, "wait"))
        assert asked.wait(LONG)
        monkeypatch.setattr(server, "HEAD_SECONDS", LONG)
        running.sandboxes[0].close()
        while not connection.recv(65536).endswith(b"0\r\n\r\n"):
            pass
        running.tools.started.clear()
        connection.sendall(invocation(running, "wait"))
        assert running.tools.started.wait(LONG)
        goes_on.set()
        assert done.wait(LONG)
        connection.settimeout(0)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        running.sandboxes[1].close()
