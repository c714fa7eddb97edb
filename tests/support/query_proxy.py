"""A loopback proxy before moto that notes which actions are called, and refuses those that a test names."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from support import loopback, simulator
from support.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)
DENIED = "User: u is not authorized to perform: iam:{action} on resource: arn:aws:iam::123456789012:role/r"
KEPT = ("authorization", "content-type", "x-amz-date", "x-amz-security-token")


@dataclass
class QueryProxy:
    """What was called, and what is refused.

    Attributes:
        upstream: moto's URL.
        actions: As IAM policies name them, such as iam:CreateRole.
        refused: Names of actions without the service.
        code: What every action is answered with, instead of being carried out; empty for nothing.
        lost: Names of actions that are carried out once, and whose answer is lost.
        stop: Where one action waits.
    """

    upstream: str
    actions: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    code: str = ""
    lost: set[str] = field(default_factory=set)
    stop: Stop = field(default_factory=Stop)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: QueryProxy

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = parse_qs(body.decode())["Action"][0]
        service = self.headers["Authorization"].split("/")[3]
        self.state.actions.append(f"{service}:{action}")
        self.state.stop.here(action)
        if self.state.code or action in self.state.refused:
            code = self.state.code or "AccessDenied"
            self._send(403, ERROR.format(code=code, message=DENIED.format(action=action)).encode())
            return
        answer = (200, simulator.answer(body.decode())) if action == simulator.ACTION else self._forward(body)
        if action in self.state.lost:
            self.state.lost.remove(action)
            self.close_connection = True
        else:
            self._send(*answer)

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        address = urlsplit(self.state.upstream)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=300)
        headers = {name: value for name, value in self.headers.items() if name.lower() in KEPT}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serve(upstream: str) -> Iterator[QueryProxy]:
    """Serve on a loopback port until the block ends."""
    state = QueryProxy(upstream)
    with loopback.serving(_Handler, state=state) as state.url:
        yield state
