"""One piece of code in a worker, from its request to its answer."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING

from . import channels, frames
from .capture import Capture

if TYPE_CHECKING:
    import socket

ENDED, INTERRUPTED, DIED = "ended", "interrupted", "died"
GRACE_SECONDS = 2.0  # from an interrupt to the kill
IMAGE_BYTES = 3_000_000  # of all images of one execution: the host's message has a limit
TOO_LARGE = b"\nImages of more than 3 MB in all are left out: save them to files.\n"


class Execution:
    """One piece of code in a worker.

    Args:
        process: The worker.
        ended: A descriptor that is readable when it has ended.
        worker: Its socket.
        streams: The reading ends of its stdout and stderr.
        output_limit: How many bytes of each stream are kept.
    """

    def __init__(
        self, process: int, ended: int, worker: socket.socket, streams: tuple[int, int], output_limit: int
    ) -> None:
        self.exit_code = 0
        self._process = process
        self._ended = ended
        self._worker = worker
        self._captures = {stream: Capture(output_limit) for stream in streams}
        self._images: list[bytes] = []
        self._poll = select.poll()

    def run(self, conn: socket.socket, code: str) -> str:
        """Run the code until it ends, or the worker dies; interrupt it when `conn` hangs up; return which."""
        for descriptor in (*self._captures, self._worker.fileno(), self._ended, conn.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        try:
            channels.send(self._worker, {"code": code})
            outcome = self._wait(conn.fileno())
            if outcome != DIED:
                self._take_answer()
        except (EOFError, OSError, frames.FrameError, KeyError, TypeError):
            outcome = DIED  # a worker that breaks the protocol is not trusted any longer
        for descriptor in self._captures:
            while self._read(descriptor):
                pass
        return outcome

    def parts(self) -> list[bytes]:
        """Return stdout, stderr, and the images as PNG files."""
        stdout, stderr = (capture.content() for capture in self._captures.values())
        if sum(map(len, self._images)) > IMAGE_BYTES:
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
            if self._worker.fileno() in ready:
                return outcome
            if self._ended in ready:
                return DIED
            if caller in ready:
                self._poll.unregister(caller)
                os.kill(self._process, signal.SIGINT)
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
        data = channels.drain(descriptor)
        self._captures[descriptor].feed(data or b"")
        return data

    def _take_answer(self) -> None:
        answer, data = channels.receive(self._worker, 1 << 30)
        self.exit_code = answer["exitCode"]
        position = 0
        for size in answer["images"]:
            self._images.append(data[position : position + size])
            position += size
