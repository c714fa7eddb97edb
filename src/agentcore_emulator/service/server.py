"""The HTTP server: loopback only, signed requests only, JSON or an event stream back."""

from __future__ import annotations

import json
import logging
import resource
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from agentcore_emulator.limits import Quotas
from agentcore_emulator.service import errors, event_stream, sigv4
from agentcore_emulator.service.disconnects import Disconnects
from agentcore_emulator.service.errors import ServiceError
from agentcore_emulator.service.http_messages import EventStream, Head, Request, Response

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from agentcore_emulator.service.request_log import Record
    from agentcore_emulator.service.timers import Timers

HEADER_BYTES = 32 << 10
HEADER_LINES = 100
UNAUTHENTICATED = 1024
"""Connections without a well-signed request yet, at most half of the files that may be open; of more, the oldest are
closed."""
HEADER_SECONDS = 60.0
"""From the connection's start or the last response until the next request's headers have arrived."""
BODY_SECONDS = 300.0
HEAD_SECONDS = 1.0
"""After which the head of a stream goes out although there is no message yet; when AWS sends it is not known."""
_DISCARDED = 1_000_000_000  # bytes of a refused body that are read, so that the client comes to read the response
_PIECE = 1 << 20
_END = ([b"\r\n"], [b"\n"])  # of a header section
_TRACES = ("X-Amzn-Trace-Id", "traceparent")  # sent back as they came, so that logs can be joined (assumed)
_TOO_LONG = (
    "RequestHeaderFieldsTooLargeException",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A header section may have {HEADER_BYTES} bytes in {HEADER_LINES} lines",
)

Handle = Callable[[Request], "Response | EventStream"]
_log = logging.getLogger(__name__)


class Server(ThreadingTCPServer):
    """One thread a connection; port 0 chooses a free one. `timers` end requests that do not arrive."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(  # noqa: PLR0917 - the parts of the emulator
        self,
        port: int,
        keys: sigv4.Keys,
        handle: Handle,
        record: Record,
        timers: Timers,
        max_body: int = Quotas.payload_bytes,
    ) -> None:
        self.max_body = max_body
        self.record = record
        self.keys = keys
        self.handle = handle
        self.timers = timers
        self.unauthenticated = _Unauthenticated()
        self.disconnects = Disconnects()
        self.last_request = time.monotonic()
        super().__init__(("127.0.0.1", port), _Connection)  # closes itself if the port is taken

    @property
    def server_port(self) -> int:
        """The port that requests come to."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The endpoint's URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the connection's thread, once it is counted: threads do not begin in the order of arrival."""
        self.unauthenticated.add(request)
        super().process_request(request, client_address)

    def server_close(self) -> None:
        """Close the listening socket; requests that still run end with their sessions."""
        super().server_close()
        self.disconnects.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a connection died of; a client that goes away is no news."""
        _log.debug("connection %s, %s", client_address, request, exc_info=True)


class _Unauthenticated:
    """The connections without a well-signed request yet. Of too many, the oldest are closed: clients sign at once."""

    def __init__(self) -> None:
        self.most = min(UNAUTHENTICATED, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, None] = {}

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections[connection] = None
            if len(self._connections) > self.most:
                oldest = next(iter(self._connections))
                del self._connections[oldest]
                _hang_up(oldest)

    def remove(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.pop(connection, None)


class _Connection(StreamRequestHandler):
    server: Server
    timeout = HEADER_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def finish(self) -> None:
        self.server.unauthenticated.remove(self.connection)
        try:
            super().finish()
        finally:
            self.rfile.close()  # the base class leaves it open, and the socket with it, where the client is gone

    def handle(self) -> None:
        """Serve one request after the other."""
        while (lines := self._lines()) and self._serve(lines):
            pass

    def _lines(self) -> list[bytes]:
        """Read a header section; none where the client goes away. Of too long a one the end is missing."""
        lines: list[bytes] = []
        left = HEADER_BYTES
        with self._within(HEADER_SECONDS):
            while left and len(lines) <= HEADER_LINES and lines[-1:] not in _END:
                lines.append(self.rfile.readline(left))
                left -= len(lines[-1])
                if left and not lines[-1].endswith(b"\n"):
                    return []
        return lines

    def _serve(self, lines: list[bytes]) -> bool:
        """Answer a request; whether another may follow."""
        began = time.monotonic()
        self._keeps_alive = False  # unless it is read to its end: what follows would be taken for another
        self._request_id = secrets.token_hex(16)
        self._head = Head()
        self._unread = _PIECE  # or so
        self._outcome: dict[str, Any] = {}
        self._beginning = threading.Lock()
        try:
            self._serve_one(lines)
        finally:
            about = {"event": "answer", "requestId": self._request_id}
            about |= {"method": self._head.method, "path": self._head.target}
            self.server.record({**about, **self._outcome, "seconds": round(time.monotonic() - began, 6)})
        return self._keeps_alive

    def _serve_one(self, lines: list[bytes]) -> None:
        try:
            cancelled = threading.Event()
            self._answer(self.server.handle(self._receive(lines, cancelled)), cancelled)  # no name keeps 100 MB of body
        except ServiceError as error:
            self._fail(error)
        except OSError:
            self._outcome["error"] = "ConnectionLost"
            raise
        except Exception:  # noqa: BLE001 - a bug too ends as an answer
            _log.exception("%s %s", self._head.method, self._head.target)
            self._fail(errors.internal("The local emulator failed; see its log"))

    def _receive(self, lines: list[bytes], cancelled: threading.Event) -> Request:
        if lines[-1:] not in _END:
            raise ServiceError(*_TOO_LONG)
        head = self._head = Head.parse(lines)
        self._unread = head.content_length
        if head.headers.get("expect", "").lower() == "100-continue" and not head.is_old:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self._refuse_browsers(head.headers)
        scope = sigv4.precheck(head.headers, self.server.keys, datetime.now(timezone.utc))
        path, _, query = head.target.partition("?")
        message = sigv4.Message(head.method, path, query, head.headers, self._body())
        self._keeps_alive = head.keeps_alive
        sigv4.verify(message, scope, self.server.keys)
        self.server.last_request = time.monotonic()
        self.server.unauthenticated.remove(self.connection)
        return Request(self._request_id, head.method, path, query, scope.region, head.headers, message.body, cancelled)

    def _refuse_browsers(self, headers: Mapping[str, str]) -> None:
        """A web page can reach loopback by a name of its own, or by an address with its Origin in the header."""
        port = self.server.server_port
        if "origin" in headers or headers.get("host") not in {f"127.0.0.1:{port}", f"localhost:{port}"}:
            raise errors.denied("Requests must be addressed to the emulator itself, and must not come from a web page")

    def _body(self) -> bytes:
        most = self.server.max_body
        if self._unread > most:
            raise ServiceError(
                "RequestEntityTooLargeException",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The request has {self._unread} bytes; at most {most} are taken",
            )
        with self._within(BODY_SECONDS):
            body = self.rfile.read(self._unread)
        if len(body) < self._unread:
            raise ConnectionAbortedError
        self._unread = 0
        return body

    def _answer(self, answer: Response | EventStream, cancelled: threading.Event) -> None:
        if isinstance(answer, Response):
            self._send(answer.status, {}, answer.body)
        else:
            with self.server.disconnects.watch(self.connection, cancelled):
                self._stream(answer)

    def _fail(self, error: ServiceError) -> None:
        self._outcome["error"] = error.code
        self._send(error.status, {"x-amzn-ErrorType": error.code}, error.body())
        self._discard(min(self._unread, _DISCARDED))

    def _send(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode() if status != HTTPStatus.NO_CONTENT else b""
        kind = {"Content-Type": "application/json", "Content-Length": str(len(data))} if data else {}
        self._begin(status, {**kind, **headers})
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, stream: EventStream) -> None:
        """Send the head with the first message, or after a moment: who waits long for it would send the request again.

        Not at once: smithy-go closes the request's body as soon as it has the head (transport/http/client.go), and Go's
        net/http closes the connection where it has not yet read that body to its end: one invoke in twenty was lost.
        """
        chunked = not self._head.is_old
        encoding = {"Transfer-Encoding": "chunked"} if chunked else {}
        headers = {"Content-Type": event_stream.CONTENT_TYPE, **encoding, **stream.headers}
        head = (self._outcome, headers)
        # Its thread must not wait for a client; made in advance, it would cost each execution 10 microseconds.
        begin_early = lambda: threading.Thread(target=self._flush_head, args=head, daemon=True).start()  # noqa: E731
        with self.server.timers.limit(HEAD_SECONDS, begin_early):
            for message in stream.messages:
                self._begin_stream(*head)
                for part in (b"%x\r\n" % len(message), message, b"\r\n") if chunked else (message,):
                    self.wfile.write(part)
        self._begin_stream(*head)
        self.wfile.write(b"0\r\n\r\n" if chunked else b"")
        self.wfile.flush()

    def _begin_stream(self, outcome: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Write the head of the answer that has this outcome, unless another thread has."""
        with self._beginning:
            if "status" not in outcome:
                self._begin(HTTPStatus.OK, headers)

    def _flush_head(self, outcome: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        with suppress(OSError):  # the thread that has the message will notice
            self._begin_stream(outcome, headers)
            self.wfile.flush()

    def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self._outcome["status"] = int(status)
        given = {name: self._head.headers[name.lower()] for name in _TRACES if self._head.headers.get(name.lower())}
        every = {
            "Server": "agentcore-sandbox",
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
            "x-amzn-RequestId": self._request_id,
            **given,
            **headers,
            **({} if self._keeps_alive else {"Connection": "close"}),
        }
        fields = "".join(f"{name}: {value}\r\n" for name, value in every.items())
        self.wfile.write(f"HTTP/1.1 {status:d} {HTTPStatus(status).phrase}\r\n{fields}\r\n".encode("latin-1"))

    def _discard(self, left: int) -> None:
        """Read on after a refusal: closing with unread data would reset the connection and lose the response."""
        if not left:
            return
        with suppress(OSError), self._within(BODY_SECONDS):
            self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and (piece := self.rfile.read(min(left, _PIECE))):
                left -= len(piece)

    def _within(self, seconds: float) -> AbstractContextManager[None]:
        """Close the connection if the block takes longer."""
        return self.server.timers.limit(seconds, lambda: _hang_up(self.connection))


def _hang_up(connection: socket.socket) -> None:
    """Let the thread that waits for this connection see its end."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
