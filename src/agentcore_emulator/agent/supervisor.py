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

from . import processes, protocol
from .capture import Capture, drain

TYPE_CHECKING = False  # see protocol
if TYPE_CHECKING:
    from typing import Any

ENDED, INTERRUPTED, DIED = "ended", "interrupted", "died"
GRACE_SECONDS = 2.0  # from an interrupt to the kill
IMAGE_BYTES = 3_000_000  # of all images of one execution: the host's message has a limit
IMAGES = 1000
TOO_LARGE = b"\nImages of more than 3 MB in all are left out, and so are more than 1000: save them to files.\n"
KILLED = 137
END_SECONDS = 0.5  # for a worker that has closed its socket to end, and tell its exit code


class Supervisor:
    """The agent's handle on the supervisor of one language, which is forked when it is first needed.

    `argv` starts a worker; the number of its socket is appended.
    """

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._conn: socket.socket | None = None

    def hand_over(self, conn: socket.socket, inherited: tuple[socket.socket, ...]) -> None:
        """Let the supervisor answer the request on `conn`; a new one must not keep the `inherited` sockets open."""
        try:
            if self._conn is None:
                raise BrokenPipeError
            protocol.send_descriptor(self._conn, b"execute", conn.fileno())
        except OSError:  # never started, or killed by the code that it supervised
            self._conn = self._start(inherited)
            protocol.send_descriptor(self._conn, b"execute", conn.fileno())

    def _start(self, inherited: tuple[socket.socket, ...]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            processes.fork(lambda: _supervise(theirs, (ours, *inherited), self._argv))
        return ours


def _supervise(agent: socket.socket, inherited: tuple[socket.socket, ...], argv: list[str]) -> None:
    for other in inherited:
        other.close()
    processes.adopt_orphans()
    context, conns, poll = LanguageContext(argv), {agent.fileno(): agent}, select.poll()
    poll.register(agent, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == agent.fileno():
                _, conn = protocol.receive_descriptor(agent)
                if conn is None:
                    return
                conns[conn.fileno()] = conn
                poll.register(conn, select.POLLIN)
            elif not _answer(conns[descriptor], context):
                poll.unregister(descriptor)
                conns.pop(descriptor).close()


def _answer(conn: socket.socket, context: LanguageContext) -> bool:
    """Answer the next request; return False where the host has hung up."""
    try:
        request, _ = protocol.receive(conn, 0)
        protocol.send(conn, *context.execute(conn, request))
    except (EOFError, OSError):
        return False
    return True


class LanguageContext:
    """What one language remembers between executions."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._worker: Worker | None = None

    def execute(self, conn: socket.socket, request: dict[str, Any]) -> protocol.Message:
        """Run `request["code"]`, in a new worker where `request["clear"]` says so.

        The answer has the bytes of stdout, stderr and each image. `lost` is the exit code of a worker that had ended
        since the last execution, else None, `leftOut` the number of bytes that stdout had beside these.
        """
        started = time.monotonic()
        if request["clear"]:
            self._end_worker()
        lost = self._end_worker() if self._worker and self._worker.has_ended() else None
        worker = self._worker = self._worker or Worker(self._argv)
        execution = Execution(worker, request["outputLimit"])
        outcome = execution.run(conn, request["code"])
        exit_code = self._end_worker() if outcome == DIED else execution.exit_code
        parts = execution.parts()
        answer = {"exitCode": exit_code, "outcome": outcome, "lost": lost, "sizes": [len(part) for part in parts]}
        more = {"leftOut": execution.left_out(), "seconds": time.monotonic() - started}
        return {**answer, **more}, b"".join(parts)

    def _end_worker(self) -> int:
        """End the worker, where there is one, and return its exit code."""
        worker, self._worker = self._worker, None
        return worker.end() if worker else KILLED


class Worker:
    """A running worker process."""

    def __init__(self, argv: list[str]) -> None:
        self.conn, theirs = socket.socketpair()
        (stdout, stdout_end), (stderr, stderr_end) = os.pipe(), os.pipe()
        self.streams = (stdout, stderr)
        nothing = os.open(os.devnull, os.O_RDONLY)
        self.process = os.fork()
        if not self.process:
            theirs.set_inheritable(True)
            processes.become([*argv, str(theirs.fileno())], argv[0], (nothing, stdout_end, stderr_end))
        self.ended = processes.end_of(self.process)
        theirs.close()
        for descriptor in (nothing, stdout_end, stderr_end):
            os.close(descriptor)
        for descriptor in self.streams:
            os.set_blocking(descriptor, False)

    def has_ended(self) -> bool:
        """Whether it has ended by itself, was killed, or has answered unasked: the next answer would be that one."""
        if select.select([self.conn], [], [], 0)[0]:
            return True
        return os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> int:
        """End the worker and all that it started; return its exit code."""
        self.conn.close()
        status = self._wait()
        processes.kill_descendants()
        for descriptor in (*self.streams, self.ended):
            os.close(descriptor)
        return KILLED if status is None else processes.exit_code(status)

    def _wait(self) -> int | None:
        """Wait a moment for the worker to end by itself."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            for process, status in processes.reap():
                if process == self.process:
                    return status
            time.sleep(0.005)
        return None


class Execution:
    """One piece of code in a worker; of each stream `output_limit` bytes are kept."""

    def __init__(self, worker: Worker, output_limit: int) -> None:
        self.exit_code = 0
        self._worker = worker
        self._captures = {stream: Capture(output_limit) for stream in worker.streams}
        self._images: list[bytes] = []
        self._poll = select.poll()

    def run(self, conn: socket.socket, code: str) -> str:
        """Run the code until it ends, or the worker dies; interrupt it when `conn` hangs up; return which."""
        for descriptor in (*self._captures, self._worker.conn.fileno(), self._worker.ended, conn.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        try:
            protocol.send(self._worker.conn, {"code": code})
            outcome = self._wait(conn.fileno())
            if outcome != DIED:
                self._take_answer()
        except (EOFError, OSError, protocol.FrameError, KeyError, TypeError):
            outcome = DIED  # a worker that breaks the protocol is not trusted any longer
        for descriptor in self._captures:
            while self._read(descriptor):
                pass
        return outcome

    def parts(self) -> list[bytes]:
        """Return stdout, stderr, and the images as PNG files."""
        stdout, stderr = (capture.content() for capture in self._captures.values())
        if len(self._images) > IMAGES or sum(map(len, self._images)) > IMAGE_BYTES:
            return [stdout, stderr + TOO_LARGE]
        return [stdout, stderr, *self._images]

    def left_out(self) -> int:
        """Return how many bytes of stdout are not in `parts`, which was asked for before."""
        return next(iter(self._captures.values())).left_out

    def _wait(self, caller: int) -> str:
        """Collect output until the worker answers."""
        outcome, deadline = ENDED, None
        while True:
            ready = self._ready(deadline)
            if self._worker.conn.fileno() in ready:
                return outcome
            if self._worker.ended in ready:
                return DIED
            if caller in ready:
                self._poll.unregister(caller)
                os.kill(self._worker.process, signal.SIGINT)
                outcome, deadline = INTERRUPTED, time.monotonic() + GRACE_SECONDS
            if deadline is not None and time.monotonic() >= deadline:
                return DIED

    def _ready(self, deadline: float | None) -> set[int]:
        """Read output that is there, and return the descriptors that have something else to say."""
        remaining = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = {descriptor for descriptor, _ in self._poll.poll(remaining)}
        for descriptor in ready & set(self._captures):
            if self._read(descriptor) == b"":
                self._poll.unregister(descriptor)
        return ready

    def _read(self, descriptor: int) -> bytes | None:
        data = drain(descriptor)
        self._captures[descriptor].feed(data or b"")
        return data

    def _take_answer(self) -> None:
        answer, data = protocol.receive(self._worker.conn, 1 << 30)
        self.exit_code = answer["exitCode"]
        position = 0
        for size in answer["images"]:
            self._images.append(data[position : position + size])
            position += size
