"""Counts what the items of a map do, outside of their sessions: each reports itself once over loopback."""

from __future__ import annotations

import http.server
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Effects(http.server.ThreadingHTTPServer):
    """The server; `counted` is how often each path was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.counted: Counter[str] = Counter()
        self.lock = threading.Lock()

    def program(self, seconds: float) -> str:
        """A program that reports its item and takes some time."""
        url = f"http://127.0.0.1:{self.server_port}/"
        return (
            f"import os, time, urllib.request\nurllib.request.urlopen({url!r} + os.environ['ITEM']).read()\n"
            f"time.sleep({seconds})\nprint(os.environ['ITEM'])"
        )


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Effects

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.counted[self.path.strip("/")] += 1
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def counting() -> Iterator[Effects]:
    with Effects() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
