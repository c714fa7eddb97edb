"""What a broken or hostile client sends: every line has a fitting answer, and the next good request is served."""

from __future__ import annotations

import json
import os
import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.mcp import host, jsonrpc, stdio
from agentcore_sandbox.mcp.jsonrpc import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR
from agentcore_sandbox.mcp.server import MOST_CALLS, Server
from support.mcp_client import HANDSHAKE, envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentcore_sandbox.mcp.server import Call

DEADLINE = 60.0
BEGIN = {"method": "initialize", "params": {"protocolVersion": HANDSHAKE[0], "capabilities": {}}}
DEEP = 100_000


class Pipe:
    """The lines between a test and a server in this process."""

    def __init__(self) -> None:
        self._to_server: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._to_client: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read(self) -> Iterator[bytes]:
        while (line := self._to_server.get()) is not None:
            yield line

    def write(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        self._to_client.put(line)

    def send_line(self, line: bytes | None) -> None:
        self._to_server.put(line)

    def send(self, **message: Any) -> None:
        self.send_line(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._to_client.get(timeout=DEADLINE))
        return message

    def request(self, request_id: Any, method: str, **params: Any) -> dict[str, Any]:
        self.send(id=request_id, method=method, params=params)
        return self.receive()


class Waiting:
    """Two tools: `echo` answers its arguments, `wait` answers when the test lets it or the call is cancelled."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun: queue.SimpleQueue[object] = queue.SimpleQueue()

    def listing(self) -> list[dict[str, Any]]:
        return [{"name": "echo", "inputSchema": {"type": "object"}}]

    def call(self, name: str, arguments: Mapping[str, Any], call: Call) -> dict[str, Any]:
        if name == "wait":
            self.begun.put(call.request.request_id)
            with call.ended_by(self.go.set):
                self.go.wait(DEADLINE)
            call.check()
        if name == "fail":
            raise ZeroDivisionError
        return {"content": [{"type": "text", "text": json.dumps(arguments)}]}


@contextmanager
def serving() -> Iterator[tuple[Pipe, Waiting]]:
    pipe, tools = Pipe(), Waiting()
    server = Server(tools, pipe)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield pipe, tools
    finally:
        pipe.send_line(None)
        thread.join(DEADLINE)
        server.close()
    assert not thread.is_alive()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with serving() as (pipe, _):
        pipe.send(id=0, **BEGIN)
        assert pipe.receive()["result"]["protocolVersion"] == HANDSHAKE[0]
        yield pipe


BROKEN = {
    "nothing": (b"", PARSE_ERROR, None),
    "no JSON": (b"hello", PARSE_ERROR, None),
    "half of it": (b'{"jsonrpc":"2.0","id":1,"method":', PARSE_ERROR, None),
    "two messages": (b'{"jsonrpc":"2.0","id":1,"method":"ping"}{}', PARSE_ERROR, None),
    "no UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE_ERROR, None),
    "UTF-16": ('{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"), PARSE_ERROR, None),
    "NaN": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}', PARSE_ERROR, None),
    "infinity": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":-Infinity}}', PARSE_ERROR, None),
    "a number of 5,000 digits": (b'{"jsonrpc":"2.0","id":' + b"1" * 5000 + b',"method":"ping"}', PARSE_ERROR, None),
    "deep": (b"[" * DEEP, PARSE_ERROR, None),
    "deep params": (b'{"params":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}", PARSE_ERROR, None),
    "a batch": (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', INVALID_REQUEST, None),
    "an empty batch": (b"[]", INVALID_REQUEST, None),
    "a text": (b'"ping"', INVALID_REQUEST, None),
    "null": (b"null", INVALID_REQUEST, None),
    "another version": (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', INVALID_REQUEST, None),
    "no version": (b'{"id":1,"method":"ping"}', INVALID_REQUEST, None),
    "id null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST, None),
    "id true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', INVALID_REQUEST, None),
    "id a fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', INVALID_REQUEST, None),
    "id a list": (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', INVALID_REQUEST, None),
    "no method": (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST, 1),
    "method a number": (b'{"jsonrpc":"2.0","id":1,"method":2}', INVALID_REQUEST, 1),
    "params a list": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', INVALID_PARAMS, 1),
    "params null": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', INVALID_PARAMS, 1),
    "unknown method": (b'{"jsonrpc":"2.0","id":1,"method":"no/such"}', METHOD_NOT_FOUND, 1),
    "a surrogate": (b'{"jsonrpc":"2.0","id":"\\ud800","method":"no/such"}', METHOD_NOT_FOUND, "\ud800"),
    "a method of a server": (b'{"jsonrpc":"2.0","id":1,"method":"roots/list"}', METHOD_NOT_FOUND, 1),
    "resources": (b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}', METHOD_NOT_FOUND, 1),
    "no name": (b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', INVALID_PARAMS, 1),
    "name a number": (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}}', INVALID_PARAMS, 1),
    "arguments a list": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":[]}}',
        INVALID_PARAMS,
        1,
    ),
    "initialize without a revision": (b'{"jsonrpc":"2.0","id":1,"method":"initialize"}', INVALID_PARAMS, 1),
    "a fault of ours": (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fail"}}',
        jsonrpc.INTERNAL_ERROR,
        1,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_line_has_its_error(pipe: Pipe, name: str) -> None:
    line, code, request_id = BROKEN[name]
    pipe.send_line(line)
    answer = pipe.receive()
    assert (answer["error"]["code"], answer.get("id")) == (code, request_id)
    assert pipe.request(2, "ping") == {"jsonrpc": "2.0", "id": 2, "result": {}}


SILENT: dict[str, dict[str, Any]] = {
    "an unknown notification": {"method": "notifications/no_such"},
    "the end of no call": {"method": "notifications/cancelled", "params": {"requestId": 99}},
    "the end of a list": {"method": "notifications/cancelled", "params": {"requestId": [1]}},
    "the end of true": {"method": "notifications/cancelled", "params": {"requestId": True}},
    "the end of nothing": {"method": "notifications/cancelled"},
    "an answer to nothing": {"id": 7, "result": {}},
    "an error for nothing": {"id": "roots/list-1", "error": {"code": 1, "message": "x"}},
}


@pytest.mark.parametrize("name", SILENT)
def test_what_needs_no_answer_gets_none(pipe: Pipe, name: str) -> None:
    pipe.send(**SILENT[name])
    assert pipe.request(2, "ping")["id"] == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"])
METHODS = st.sampled_from(["initialize", "ping", "tools/list", "tools/call", "server/discover", "notifications/x"])
MESSAGES = st.dictionaries(NAMES, JSON | METHODS, max_size=6).map(lambda message: json.dumps(message).encode())
LIKELY = st.builds(
    lambda method, params, more: json.dumps({"jsonrpc": "2.0", "id": "h", "method": method, "params": params, **more}),
    METHODS,
    st.dictionaries(st.sampled_from(["name", "arguments", "_meta", "protocolVersion", "capabilities"]), JSON),
    st.dictionaries(NAMES, JSON, max_size=1),
).map(str.encode)


@given(st.lists(st.binary(max_size=50).filter(lambda line: b"\n" not in line) | MESSAGES | LIKELY, max_size=12))
def test_no_line_stops_the_server(lines: list[bytes]) -> None:
    with serving() as (pipe, _):
        for line in lines:
            pipe.send_line(line)
        pipe.send(id="last", method="ping")
        while (answer := pipe.receive()).get("id") != "last":
            assert ("result" in answer) != ("error" in answer)
            assert isinstance(answer.get("id", ""), (str, int))
        assert answer["result"] == {}


def test_before_the_beginning_only_pings_and_stateless_requests_are_served() -> None:
    with serving() as (pipe, _):
        assert pipe.request(1, "tools/list")["error"]["code"] == INVALID_PARAMS
        assert pipe.request(2, "tools/call", name="echo")["error"]["code"] == INVALID_PARAMS
        assert pipe.request(3, "server/discover")["error"]["code"] == INVALID_PARAMS
        assert pipe.request(4, "ping")["result"] == {}
        assert "tools" in pipe.request(5, "tools/list", _meta=envelope())["result"]


@pytest.mark.parametrize("name", ["protocolVersion", "clientCapabilities"])
@pytest.mark.parametrize("value", [None, 1, [], "x"])
def test_an_incomplete_envelope_is_refused(pipe: Pipe, name: str, value: object) -> None:
    meta = {**envelope(), f"io.modelcontextprotocol/{name}": value}
    wanted = -32022 if (name, value) == ("protocolVersion", "x") else INVALID_PARAMS
    assert pipe.request(1, "tools/list", _meta=meta)["error"]["code"] == wanted


def test_answers_come_as_calls_end_and_not_in_order() -> None:
    with serving() as (pipe, tools):
        pipe.send(id=1, method="tools/call", params={"name": "wait", "_meta": envelope()})
        assert pipe.request("1", "tools/call", name="echo", arguments={"a": "\ud800"}, _meta=envelope())["id"] == "1"
        tools.go.set()
        assert pipe.receive()["id"] == 1


def test_the_id_of_a_running_call_cannot_be_used_again() -> None:
    with serving() as (pipe, tools):
        pipe.send(id=1, method="tools/call", params={"name": "wait", "_meta": envelope()})
        tools.begun.get(timeout=DEADLINE)
        assert pipe.request(1, "tools/call", name="echo", _meta=envelope())["error"]["code"] == INVALID_REQUEST
        tools.go.set()
        assert "result" in pipe.receive()
        assert "result" in pipe.request(1, "tools/call", name="echo", _meta=envelope())


def test_a_cancelled_call_is_ended_and_not_answered() -> None:
    with serving() as (pipe, tools):
        pipe.send(id=1, method="tools/call", params={"name": "wait", "_meta": envelope()})
        tools.begun.get(timeout=DEADLINE)
        pipe.send(method="notifications/cancelled", params={"requestId": 1, "reason": "enough"})
        assert tools.go.wait(DEADLINE)
        assert pipe.request(2, "tools/list", _meta=envelope())["id"] == 2


def test_no_more_calls_than_threads_run_at_once() -> None:
    with serving() as (pipe, tools):
        for number in range(MOST_CALLS + 1):
            pipe.send(id=number, method="tools/call", params={"name": "wait", "_meta": envelope()})
        refused = pipe.receive()
        assert (refused["id"], refused["error"]["code"]) == (MOST_CALLS, jsonrpc.BUSY)
        tools.go.set()
        assert {pipe.receive()["id"] for _ in range(MOST_CALLS)} == set(range(MOST_CALLS))


def test_a_client_that_reads_nothing_and_sends_on_ends_the_connection() -> None:
    class Unread(Pipe):
        def write(self, line: bytes) -> None:
            raise BrokenPipeError(line)

    pipe = Unread()
    server = Server(Waiting(), pipe)
    for number in range(500):
        pipe.send(id=number, method="ping")
    thread = threading.Thread(target=server.run)
    thread.start()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    pipe.send_line(None)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[stdio.Lines, int, int]]:
    """Lines over pipes in place of this process's streams, and the client's ends of them."""
    reader, into = os.pipe()
    out, writer = os.pipe()
    nowhere = os.dup(2)
    monkeypatch.setattr(stdio, "STDIN", reader)
    monkeypatch.setattr(stdio, "STDOUT", writer)
    monkeypatch.setattr(stdio, "STDERR", nowhere)
    yield stdio.Lines(), into, out
    for descriptor in (reader, into, out, writer, nowhere):
        os.close(descriptor)


def test_a_line_without_end_takes_bounded_memory(
    lines: tuple[stdio.Lines, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "MOST_BYTES", 1000)
    served, into, _ = lines
    os.write(into, b"x" * 5000 + b"\n" + b"y\n\n")
    read = served.read()
    assert [next(read) for _ in range(3)] == [b"x" * 1000, b"y", b""]


def test_what_else_prints_does_not_reach_the_client(lines: tuple[stdio.Lines, int, int]) -> None:
    served, _, out = lines
    os.write(stdio.STDOUT, b"a stray print\n")
    served.write(b"{}\n")
    assert os.read(out, 100) == b"{}\n"


ROOTS: dict[str, tuple[Any, str | None]] = {
    "a folder": ({"uri": "file:///home/me/project"}, "/home/me/project"),
    "a space": ({"uri": "file:///home/me/my%20project"}, "/home/me/my project"),
    "of this machine": ({"uri": "file://localhost/home/me/project"}, "/home/me/project"),
    "of another machine": ({"uri": "file://example.invalid/home/me/project"}, None),
    "of the web": ({"uri": "https://example.invalid/home/me"}, None),
    "no URI": ({"uri": "/home/me/project"}, None),
    "relative": ({"uri": "file:project"}, None),
    "nothing": ({"uri": ""}, None),
    "a broken host": ({"uri": "file://[/home"}, None),
    "a number": ({"uri": 1}, None),
    "no object": ("file:///home/me/project", None),
}


@pytest.mark.parametrize("name", ROOTS)
def test_only_folders_of_this_machine_are_roots(name: str) -> None:
    entry, path = ROOTS[name]
    assert host._path(entry) == path
