"""The agent: the first process of the sandbox, alive as long as the session.

For a request the host hands over one end of a fresh socket pair, labelled with who shall answer: `request` goes to a
forked child, a language's name to the supervisor of that language, which takes further ones on the same socket. So
requests are independent, a stuck one blocks no other, and the host cancels one by hanging up.
"""

from __future__ import annotations

import os
import signal
import socket

from . import command, files, processes, protocol
from .supervisor import Supervisor

TYPE_CHECKING = False  # see protocol
if TYPE_CHECKING:
    from typing import Any


def main(channel: int, options: dict[str, Any]) -> None:
    """Serve until the host closes the channel.

    Args:
        channel: A SOCK_SEQPACKET socket to the host.
        options: `processes`, `memory_bytes`, `file_bytes`, `payload_bytes`: limits, as `limits.Limits` has them;
            `workers`: language -> argument list; `scope_sockets`: keep programs from the host's unix sockets.
    """
    host = socket.socket(fileno=channel)
    host.set_inheritable(False)
    os.umask(0o022)  # assumed; the caller's own says nothing of a sandbox
    processes.conceal()
    processes.restrict(options["processes"], options["memory_bytes"], options["file_bytes"])
    if options["scope_sockets"]:
        processes.scope_sockets()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    agent = Agent(host, options["workers"], options["payload_bytes"])
    host.send(b"ready")
    while agent.serve_one():
        pass


class Agent:
    """Gives each request that comes from `host` to a process of its own, or to a language's supervisor."""

    def __init__(self, host: socket.socket, workers: dict[str, list[str]], payload_bytes: int) -> None:
        self._host = host
        self._supervisors = {language: Supervisor(argv) for language, argv in workers.items()}
        self._payload_bytes = payload_bytes

    def serve_one(self) -> bool:
        """Wait for one request and pass it on; return False at the end."""
        label, conn = protocol.receive_descriptor(self._host)
        if not label or conn is None:
            return False
        with conn:
            if label.decode() == protocol.REQUEST:
                processes.fork(lambda: self._answer(conn))
            elif label.decode() in self._supervisors:
                self._supervisors[label.decode()].hand_over(conn, inherited=(self._host, conn))
        return True

    def _answer(self, conn: socket.socket) -> None:
        self._host.close()
        request, data = protocol.receive(conn, self._payload_bytes)
        reply = command.run(conn, request) if request["do"] == "command" else files.handle(request, data)
        protocol.send(conn, *reply)
