"""Servers on this machine's loopback, for one block."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: Any) -> None:
        """A client that leaves is what many tests are about."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], *, tls: ssl.SSLContext | None = None, **attributes: Any
) -> Iterator[str]:
    """Serve HTTP until the block ends; yields the URL.

    Args:
        handler: Answers the requests.
        tls: Serve HTTPS with it.
        attributes: Of the handler's class in this server.
    """
    # Else the body waits for the client to acknowledge the headers, which it puts off by 40 ms.
    bound = {"disable_nagle_algorithm": True, **attributes}
    server = _Server(("127.0.0.1", 0), type("BoundHandler", (handler,), bound))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def moto() -> Iterator[str]:
    """Play AWS's other services by moto until the block ends; yields the URL."""
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # 1,300 images that nobody asks for, after each reset
    from moto.server import ThreadedMotoServer  # slow to load, and few tests need it

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
