"""One language's context: a worker process that keeps variables between executions, and its supervisor.

The supervisor is the worker's parent. It alone reads what the worker writes, it bounds it, and it ends the worker
with all that the worker started.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from typing import Any

from . import frames, pipes, processes
from .capture import Capture

KILLED = 137
GRACE_SECONDS = 2.0  # from SIGINT to SIGKILL
IMAGES_LIMIT = 64 << 20


class Supervisor:
    """The agent's handle on the supervisor of one language, which is forked when it is first needed.

    Args:
        argv: Starts a worker; the number of its socket is appended.
    """

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._conn: socket.socket | None = None

    def hand_over(self, conn: socket.socket, inherited: tuple[socket.socket, ...]) -> None:
        """Let the supervisor answer the request on `conn`; requests wait for one another.

        Args:
            conn: The request's socket.
            inherited: Sockets that a new supervisor must not keep open.
        """
        try:
            if self._conn is None:
                raise BrokenPipeError
            pipes.send_descriptor(self._conn, b"execute", conn.fileno())
        except OSError:  # never started, or killed by the code that it supervised
            self._conn = self._start(inherited)
            pipes.send_descriptor(self._conn, b"execute", conn.fileno())

    def _start(self, inherited: tuple[socket.socket, ...]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            processes.fork(lambda: _supervise(theirs, (ours, *inherited), self._argv))
        return ours


def _supervise(agent: socket.socket, inherited: tuple[socket.socket, ...], argv: list[str]) -> None:
    for other in inherited:
        other.close()
    processes.adopt_orphans()
    context = Context(argv)
    while True:
        label, conn = pipes.receive_descriptor(agent)
        if not label or conn is None:
            return
        with conn:
            request, _ = pipes.receive(conn, frames.MESSAGE_LIMIT)
            reply = context.execute(conn, request)
            pipes.send(conn, *reply)


class Worker:
    """A running worker process.

    Args:
        argv: Its argument list; the number of its socket is appended.
    """

    def __init__(self, argv: list[str]) -> None:
        self.conn, theirs = socket.socketpair()
        self.streams = []
        inputs = []
        for _ in range(2):
            readable, writable = os.pipe()
            os.set_blocking(readable, False)
            self.streams.append(readable)
            inputs.append(writable)
        self._start(argv, theirs, inputs)

    def _start(self, argv: list[str], conn: socket.socket, streams: list[int]) -> None:
        nothing = os.open(os.devnull, os.O_RDONLY)
        self.process = os.fork()
        if not self.process:
            conn.set_inheritable(True)
            processes.become([*argv, str(conn.fileno())], argv[0], (nothing, streams[0], streams[1]))
        conn.close()
        for descriptor in (nothing, *streams):
            os.close(descriptor)

    def close(self) -> int:
        """End the worker and all that it started; return its exit code."""
        status = _status_of(self.process)
        processes.kill_descendants()
        self.conn.close()
        for descriptor in self.streams:
            os.close(descriptor)
        return KILLED if status is None else processes.exit_code(status)


def _status_of(process: int) -> int | None:
    """Return the wait status of a child that has ended or is about to."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    return None


class Context:
    """What one language remembers between executions.

    Args:
        argv: Starts a worker.
    """

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._worker: Worker | None = None

    def execute(self, conn: socket.socket, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Run `request["code"]`, in a new worker where `request["clear"]` says so.

        Returns:
            `{"exitCode", "seconds", "outcome": "ended" | "died" | "cancelled", "sizes"}` and the bytes of stdout,
            stderr and each image, one after the other.
        """
        if request.get("clear") and self._worker:
            self._close_worker()
        if self._worker is None:
            self._worker = Worker(self._argv)
        execution = Execution(self._worker, request["outputLimit"])
        started = time.monotonic()
        outcome = execution.run(conn, request["code"])
        exit_code = execution.exit_code if outcome != "died" else self._close_worker()
        parts = execution.parts()
        sizes = [len(part) for part in parts]
        seconds = time.monotonic() - started
        return {"exitCode": exit_code, "seconds": seconds, "outcome": outcome, "sizes": sizes}, b"".join(parts)

    def _close_worker(self) -> int:
        worker, self._worker = self._worker, None
        return worker.close() if worker else KILLED


class Execution:
    """One piece of code in a worker.

    Args:
        worker: Runs it.
        output_limit: How many bytes of each stream are kept.
    """

    def __init__(self, worker: Worker, output_limit: int) -> None:
        self._worker = worker
        self._captures = {descriptor: Capture(output_limit) for descriptor in worker.streams}
        self._images: list[bytes] = []
        self.exit_code = KILLED

    def run(self, conn: socket.socket, code: str) -> str:
        """Run the code until it ends or the worker dies; interrupt it when `conn` hangs up."""
        outcome = "ended"
        poll = select.poll()
        for descriptor in (*self._captures, self._worker.conn.fileno(), conn.fileno()):
            poll.register(descriptor, select.POLLIN)
        try:
            pipes.send(self._worker.conn, {"code": code})
            deadline = None
            while self._worker.conn.fileno() not in (ready := self._wait(poll, deadline)):
                if deadline and time.monotonic() >= deadline:
                    return "died"
                if conn.fileno() in ready:
                    outcome, deadline = "cancelled", time.monotonic() + GRACE_SECONDS
                    poll.unregister(conn.fileno())
                    os.kill(self._worker.process, signal.SIGINT)
            self._finish()
        except (EOFError, OSError, frames.FrameError, KeyError):
            outcome = "died"
        self._read_rest()
        return outcome

    def parts(self) -> list[bytes]:
        """Return stdout, stderr, and the images as PNG files."""
        return [*(capture.content() for capture in self._captures.values()), *self._images]

    def _wait(self, poll: select.poll, deadline: float | None) -> set[int]:
        remaining = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
        ready = {descriptor for descriptor, _ in poll.poll(remaining)}
        for descriptor in ready & set(self._captures):
            if self._read(descriptor) == b"":
                poll.unregister(descriptor)
        return ready

    def _read(self, descriptor: int) -> bytes | None:
        data = pipes.drain(descriptor)
        self._captures[descriptor].feed(data or b"")
        return data

    def _read_rest(self) -> None:
        """Read what was written before the worker answered: a pipe holds it already."""
        for descriptor in self._captures:
            while self._read(descriptor):
                pass

    def _finish(self) -> None:
        answer, data = pipes.receive(self._worker.conn, IMAGES_LIMIT)
        self.exit_code = answer["exitCode"]
        position = 0
        for size in answer["images"]:
            self._images.append(data[position : position + size])
            position += size
