"""A loopback server that speaks just enough of the API to break it in chosen ways."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from support import event_stream, loopback
from support.processes import DEADLINE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

SESSION = "01FAULTSERVERSESSION000000"
CREATED = "2026-11-23T10:00:00.000Z"
MARK = re.compile(r"\A(?:\u2e2e )?agentcore_[0-9a-f]{12}[\n;]")
PREPARATIONS = ("__import__('builtins').exec(", "((variables, marks, stdin) =>")


Answer = Callable[["Handler"], None]


@dataclass
class Request:
    """One request as it came in."""

    operation: str
    body: dict[str, Any]
    query: dict[str, list[str]]
    headers: dict[str, str]
    path: str

    @property
    def session(self) -> str | None:
        return self.headers.get("x-amzn-code-interpreter-session-id")

    @property
    def is_preparation(self) -> bool:
        return str(self.body.get("arguments", {}).get("code", "")).startswith(PREPARATIONS)


@dataclass
class FaultServer:
    """What the server answers, and what it was asked.

    Attributes:
        answers: Operation (last path segment: start, invoke, stop, get, list) -> how to answer it.
        invoked: Set as soon as a program has arrived.
        preparation: How to answer what sets the program's environment, None for a success.
        connections: How many have been opened.
        finished: Set when the test is over; an answer that waits ends then.
    """

    preparation: Answer | None = None
    connections: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    invoked: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Dummy credentials, and what leads the command line to this server."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "dummy-secret",
            "AWS_REGION": "us-west-2",
            "CUSTOM_AGENTCORE_INTERPRETER_ID": "aws.codeinterpreter.v1",
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": self.url,
        }

    def operations(self) -> list[str]:
        return [request.operation for request in self.requests if not request.is_preparation]

    def programs(self) -> list[str]:
        """The code of each program that has arrived, without a mark in front of it."""
        invokes = [one for one in self.requests if one.operation == "invoke" and not one.is_preparation]
        return [MARK.sub("", one.body["arguments"]["code"]) for one in invokes]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written one by one: the second must not wait for an answer
    state: FaultServer
    current: Request

    def setup(self) -> None:
        self.state.connections += 1
        super().setup()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        self._answer()

    do_POST = do_GET = do_PUT  # noqa: N815 - the standard library looks for these names

    def _answer(self) -> None:
        url = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(data) if data else {}
        operation = url.path.rsplit("/", 1)[-1]
        request = Request(operation, body, parse_qs(url.query), dict(self.headers.items()), url.path)
        self.state.requests.append(request)
        self.current = request
        if request.is_preparation:
            (self.state.preparation or ok)(self)
            return
        if operation == "invoke":
            self.state.invoked.set()
        (self.state.answers.get(operation) or DEFAULTS[operation])(self)

    def send_json(self, status: int, value: Any, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self, *, chunked: bool = True) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("x-amzn-code-interpreter-session-id", SESSION)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")))
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def end_chunks(self) -> None:
        self.wfile.write(b"0\r\n\r\n")


def error(status: int, code: str, message: str) -> Answer:
    """An answer that is an error of the service."""

    def answer(handler: Handler) -> None:
        handler.send_json(status, {"message": message}, x_amzn_ErrorType=code)

    return answer


def page(status: int, content_type: str, body: bytes) -> Answer:
    """What a proxy or another server may answer."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer after another."""
    left = iter(answers)

    def answer(handler: Handler) -> None:
        next(left)(handler)

    return answer


def stream(*frames: bytes) -> Answer:
    """A complete stream of these frames."""

    def answer(handler: Handler) -> None:
        handler.begin_stream()
        for frame in frames:
            handler.chunk(frame)
        handler.end_chunks()

    return answer


def silence(handler: Handler) -> None:
    """Headers, then nothing until the test is over."""
    handler.begin_stream()
    handler.wfile.flush()
    handler.state.finished.wait(120)
    handler.close_connection = True


ok = stream(event_stream.result("hello"))


def unprepared(handler: Handler) -> None:
    """What a context of Python's that was not prepared says to a program with a mark."""
    mark, _, _ = handler.current.body["arguments"]["code"].partition("\n")
    stream(event_stream.result("", refusal(mark), 1))(handler)


def refusal(mark: str) -> str:
    """What such a context prints."""
    return (
        f"  Cell In[1], line 1\n    {mark}\n    ^\nSyntaxError: invalid character '{mark[:1]}' (U+{ord(mark[0]):04X})"
    )


def _session(handler: Handler) -> None:
    answer = {"codeInterpreterIdentifier": "x", "sessionId": SESSION, "createdAt": CREATED, "lastUpdatedAt": CREATED}
    handler.send_json(200, {**answer, "status": "READY", "sessionTimeoutSeconds": 900})


def _no_sessions(handler: Handler) -> None:
    handler.send_json(200, {"items": []})


DEFAULTS: dict[str, Answer] = {
    "start": _session,
    "stop": _session,
    "get": _session,
    "list": _no_sessions,
    "invoke": ok,
}


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    """Serve on a loopback port until the block ends."""
    state = FaultServer()
    with loopback.serving(Handler, tls=tls, state=state) as state.url:
        try:
            yield state
        finally:
            state.finished.set()


class Pause:
    """An answer that tells that its request has come, and waits until it may go on."""

    def __init__(self, operation: str) -> None:
        self._answer = DEFAULTS[operation]
        self.arrived = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, handler: Handler) -> None:
        self.arrived.set()
        assert self.go_on.wait(DEADLINE)
        self._answer(handler)
