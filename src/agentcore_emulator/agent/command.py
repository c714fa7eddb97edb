"""One shell command under a pseudo-terminal, as the service runs it."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time

from . import processes
from .capture import Capture, drain

TYPE_CHECKING = False  # see protocol
if TYPE_CHECKING:
    import socket
    from typing import Any

    from . import protocol

# The service's /bin/sh is bash (recorded: `/bin/sh: line 1: pytest: command not found`).
SHELLS = ("/usr/bin/bash", "/bin/bash", "/bin/sh")
TERMINAL_SIZE = struct.pack("HHHH", 24, 80, 0, 0)  # assumed
KILLED = 137
LOOK_SECONDS = 3600.0  # poll() takes no number of milliseconds above 2 ** 31
LAST_OUTPUT_SECONDS = 2.0


def run(conn: socket.socket, request: dict[str, Any]) -> protocol.Message:
    """Run `request["command"]` until it ends, its time is over, or the other end of `conn` hangs up.

    Returns:
        `{"exitCode", "seconds", "outcome": "ended" | "time" | "cancelled", "leftOut"}` and the output; `leftOut` is the
        number of bytes that it had beside these.
    """
    processes.adopt_orphans()
    command = Command(request["command"], Capture(request["outputLimit"]))
    outcome = command.wait(conn, time.monotonic() + request["seconds"])
    exit_code = command.finish()
    seconds = time.monotonic() - command.started
    output = command.output.content()
    return {"exitCode": exit_code, "seconds": seconds, "outcome": outcome, "leftOut": command.output.left_out}, output


class Command:
    """A shell that executes a text, with its terminal, whose content `output` takes."""

    def __init__(self, text: str, output: Capture) -> None:
        self.output = output
        self._ended = processes.child_signals()
        self._terminal, other_end = os.openpty()
        fcntl.ioctl(other_end, termios.TIOCSWINSZ, TERMINAL_SIZE)
        os.set_blocking(self._terminal, False)
        self.started = time.monotonic()
        self._shell = _start_shell(text, other_end)
        self._status: int | None = None
        os.close(other_end)

    def wait(self, conn: socket.socket, deadline: float) -> str:
        """Collect output until the shell ends, the deadline passes or `conn` hangs up; return which."""
        poll = select.poll()
        for descriptor in (self._terminal, self._ended, conn.fileno()):
            poll.register(descriptor, select.POLLIN)
        while time.monotonic() < deadline:
            remaining = min(deadline - time.monotonic(), LOOK_SECONDS)
            ready = {descriptor for descriptor, _ in poll.poll(remaining * 1000)}
            if self._terminal in ready and not self._read():
                poll.unregister(self._terminal)
            if self._has_ended():
                return "ended"
            if conn.fileno() in ready:
                return "cancelled"
        return "time"

    def finish(self) -> int:
        """Kill what is left, collect the last output, return the exit code."""
        processes.kill_descendants()
        self._read_rest()
        return KILLED if self._status is None else processes.exit_code(self._status)

    def _has_ended(self) -> bool:
        drain(self._ended)
        for process, status in processes.reap():
            if process == self._shell:
                self._status = status
        return self._status is not None

    def _read(self) -> bool:
        """Take what the terminal shows; return whether more may follow."""
        data = drain(self._terminal)
        self.output.feed(data or b"")
        return data != b""

    def _read_rest(self) -> None:
        """Read up to the hang-up that follows when the last process has let go of the terminal."""
        poll = select.poll()
        poll.register(self._terminal, select.POLLIN)
        while poll.poll(LAST_OUTPUT_SECONDS * 1000) and self._read():
            pass


def _start_shell(text: str, terminal: int) -> int:
    """Start the shell: a real terminal for its output, no input, so that nothing waits for a key."""
    shell = next(path for path in SHELLS if os.path.exists(path))
    nothing = os.open(os.devnull, os.O_RDONLY)
    process = os.fork()
    if process == 0:
        processes.become(["/bin/sh", "-c", "--", text], shell, (nothing, terminal, terminal))
    os.close(nothing)
    return process
