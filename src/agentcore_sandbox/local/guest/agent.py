"""The agent: the first process in the sandbox, alive as long as the session.

The host hands over one end of a fresh socket pair for every request, labelled with who shall answer: `request` goes
to a forked child, a language's name to that language's supervisor. So requests are independent, a stuck one blocks
no other, and hanging up is how the host cancels one.
"""

from __future__ import annotations

import signal
import socket
from typing import Any

from . import command, files, pipes, processes
from .supervisor import Supervisor


def main(channel: int, options: dict[str, Any]) -> None:
    """Serve until the host closes the channel.

    Args:
        channel: Descriptor of a SOCK_SEQPACKET socket to the host.
        options: `processes`, `memoryBytes`, `fileBytes`, `payloadBytes`, and `languages`: name -> argument list.
    """
    host = socket.socket(fileno=channel)
    host.set_inheritable(False)
    processes.prefer_as_victim()
    processes.conceal()
    processes.restrict(options["processes"], options["memoryBytes"], options["fileBytes"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    supervisors = {name: Supervisor(argv) for name, argv in options["languages"].items()}
    host.send(b"ready")
    while True:
        label, conn = pipes.receive_descriptor(host)
        if not label or conn is None:
            return
        with conn:
            _dispatch(label.decode(), conn, supervisors, options["payloadBytes"], host)


def _dispatch(
    label: str, conn: socket.socket, supervisors: dict[str, Supervisor], limit: int, host: socket.socket
) -> None:
    if label in supervisors:
        supervisors[label].hand_over(conn, inherited=(host, conn))
    elif label == "request":
        processes.fork(lambda: _answer(conn, limit, host))


def _answer(conn: socket.socket, limit: int, host: socket.socket) -> None:
    host.close()
    request, data = pipes.receive(conn, limit)
    reply = command.run(conn, request) if request["do"] == "command" else files.handle(request, data)
    pipes.send(conn, *reply)
