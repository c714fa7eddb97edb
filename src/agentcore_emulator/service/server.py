"""The HTTP server: loopback only, signed requests only, JSON or an event stream back."""

from __future__ import annotations

import io
import json
import logging
import re
import resource
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from agentcore_emulator.limits import Quotas
from agentcore_emulator.service import errors, event_stream, sigv4
from agentcore_emulator.service.disconnects import Disconnects
from agentcore_emulator.service.errors import ServiceError
from agentcore_emulator.service.http_messages import EventStream, Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable
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
_TRACES = ("X-Amzn-Trace-Id", "traceparent")  # sent back as they came, so that logs can be joined (assumed)

Handle = Callable[[Request], "Response | EventStream"]
_log = logging.getLogger(__name__)


class Server(ThreadingHTTPServer):
    """One thread a connection; port 0 chooses a free one. `timers` end requests that do not arrive."""

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
    def url(self) -> str:
        """The endpoint's URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host's name that HTTPServer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

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


class _Once:
    """An action that only the first of several threads performs; the others wait for it."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._lock = threading.Lock()
        self._done = False

    def __call__(self) -> None:
        with self._lock:
            if not self._done:
                self._done = True
                self._action()


class _Connection(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = HEADER_SECONDS
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def setup(self) -> None:
        super().setup()
        self.server.unauthenticated.add(self.connection)

    def finish(self) -> None:
        self.server.unauthenticated.remove(self.connection)
        try:
            super().finish()
        finally:
            self.rfile.close()  # the base class leaves it open, and the socket with it, where the client is gone

    def handle_one_request(self) -> None:
        with ExitStack() as self._awaiting_headers:
            self._awaiting_headers.enter_context(self._within(HEADER_SECONDS))
            super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the header section, which no client makes longer than the limits, then let the base class parse it."""
        section = self._section()
        self._awaiting_headers.close()
        if section is None:
            self.requestline = self.request_version = self.command = ""
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self._discard(_PIECE)
            return False
        connection, self.rfile = self.rfile, io.BytesIO(section)
        try:
            return super().parse_request()
        finally:
            self.rfile = connection

    def _section(self) -> bytes | None:
        """Return the header section; None where it is too long."""
        section = b""
        for _ in range(HEADER_LINES + 1):
            line = self.rfile.readline(HEADER_BYTES - len(section))
            section += line
            if line in {b"\r\n", b"\n"}:
                return section
            if len(section) == HEADER_BYTES:
                break
            if not line.endswith(b"\n"):
                raise ConnectionAbortedError
        return None

    def handle_expect_100(self) -> bool:
        """Tell the client at once to send the body it holds back; the base class leaves that in the buffer."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the base class's way

    def version_string(self) -> str:
        return "agentcore-sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        _log.debug(format, *args)

    def _serve(self) -> None:
        began = time.monotonic()
        self._request_id = secrets.token_hex(16)
        self._unread = 0
        self._traces: dict[str, str] = {}
        self._outcome: dict[str, Any] = {}
        try:
            self._serve_one()
        finally:
            about = {"event": "answer", "requestId": self._request_id, "method": self.command, "path": self.path}
            self.server.record({**about, **self._outcome, "seconds": round(time.monotonic() - began, 6)})

    def _serve_one(self) -> None:
        try:
            cancelled = threading.Event()
            self._answer(self.server.handle(self._receive(cancelled)), cancelled)  # no name keeps 100 MB of a body
        except ServiceError as error:
            self._fail(error)
        except OSError:
            self._outcome["error"] = "ConnectionLost"
            raise
        except Exception:  # noqa: BLE001 - a bug too ends as an answer
            _log.exception("%s %s", self.command, self.path)
            self._fail(errors.internal("The local emulator failed; see its log"))

    def _receive(self, cancelled: threading.Event) -> Request:
        headers = _joined(self.headers.items())
        given = {name: headers.get(name.lower(), "") for name in _TRACES}
        self._traces = {name: value for name, value in given.items() if value and _is_plain(value)}
        keeps_alive = not self.close_connection
        self.close_connection = True  # unless the request is read to its end: what follows would be taken for another
        self._unread = self._length()
        self._refuse_browsers(headers)
        scope = sigv4.precheck(headers, self.server.keys, datetime.now(timezone.utc))
        path, _, query = self.path.partition("?")
        message = sigv4.Message(self.command, path, query, headers, self._body())
        self.close_connection = not keeps_alive
        sigv4.verify(message, scope, self.server.keys)
        self.server.last_request = time.monotonic()
        self.server.unauthenticated.remove(self.connection)
        return Request(self._request_id, self.command, path, query, scope.region, headers, message.body, cancelled)

    def _refuse_browsers(self, headers: Mapping[str, str]) -> None:
        """A web page can reach loopback by a name of its own, or by an address with its Origin in the header."""
        port = self.server.server_port
        if "origin" in headers or headers.get("host") not in {f"127.0.0.1:{port}", f"localhost:{port}"}:
            raise errors.denied("Requests must be addressed to the emulator itself, and must not come from a web page")

    def _length(self) -> int:
        lengths = self.headers.get_all("Content-Length", ["0"])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not re.fullmatch("[0-9]{1,15}", lengths[0]):
            raise errors.validation("The request needs one Content-Length", "CannotParse")
        return int(lengths[0])

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
        data = json.dumps(body).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers})
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, stream: EventStream) -> None:
        """Send the head with the first message, or after a moment: who waits long for it would send the request again.

        Not at once: smithy-go closes the request's body as soon as it has the head (transport/http/client.go), and Go's
        net/http closes the connection where it has not yet read that body to its end: one invoke in twenty was lost.
        """
        chunked = self.request_version == "HTTP/1.1"
        self.close_connection = self.close_connection or not chunked
        encoding = {"Transfer-Encoding": "chunked"} if chunked else {}
        headers = {"Content-Type": event_stream.CONTENT_TYPE, **encoding, **stream.headers}
        head = _Once(lambda: self._head(HTTPStatus.OK, headers))
        early = threading.Thread(target=self._flush, args=[head], name="head", daemon=True)
        with self.server.timers.limit(HEAD_SECONDS, early.start):  # its thread must not wait for a client
            for message in stream.messages:
                head()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(message), message) if chunked else message)
        head()
        self.wfile.write(b"0\r\n\r\n" if chunked else b"")
        self.wfile.flush()

    def _flush(self, head: _Once) -> None:
        with suppress(OSError):  # the thread that has the message will notice
            head()
            self.wfile.flush()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self._outcome["status"] = int(status)
        self.send_response(status)
        self.send_header("x-amzn-RequestId", self._request_id)
        for name, value in {**self._traces, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _discard(self, left: int) -> None:
        """Read on after a refusal: closing with unread data would reset the connection and lose the response."""
        with suppress(OSError), self._within(BODY_SECONDS):
            self.wfile.flush()
            while left > 0 and (piece := self.rfile.read(min(left, _PIECE))):
                left -= len(piece)

    def _within(self, seconds: float) -> AbstractContextManager[None]:
        """Close the connection if the block takes longer."""
        return self.server.timers.limit(seconds, lambda: _hang_up(self.connection))


def _hang_up(connection: socket.socket) -> None:
    """Let the thread that waits for this connection see its end."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name in lower case, several of one name joined with commas."""
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _is_plain(header: str) -> bool:
    """A header may have been folded: sent back as it is, its second line would be read as a header of ours."""
    return header.isascii() and header.isprintable()
