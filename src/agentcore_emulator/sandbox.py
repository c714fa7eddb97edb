"""One sandbox: a bubblewrap container with an agent in it, alive as long as its session."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import select
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentcore_emulator import languages
from agentcore_emulator.agent import protocol
from agentcore_emulator.agent_client import Call, HungUpError, SandboxGoneError
from agentcore_emulator.attached import NOTHING, Attached
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.isolation import bubblewrap, javascript, launcher, seccomp
from agentcore_emulator.limits import Limits
from agentcore_emulator.resources import usage
from agentcore_emulator.resources.watchdog import Monitor
from agentcore_emulator.service.event_stream import MAX_PAYLOAD
from agentcore_emulator.tasks import Tasks

if TYPE_CHECKING:
    import subprocess

    from agentcore_emulator.isolation.bubblewrap import Bubblewrap

    Process = subprocess.Popen[bytes]

    from collections.abc import Iterable, Iterator

    from agentcore_emulator.resources.watchdog import Watchdog

__all__ = ["Sandbox", "SandboxConfig", "SandboxGoneError", "check"]

READY_SECONDS = 30.0
SEND_SECONDS = 10.0
IMAGE_BYTES = 8 << 20  # what an answer may carry beside the streams
END_SECONDS = 1.0  # in which the kernel ends the other processes of a namespace
COMPLAINT_BYTES = 2000


@dataclass(frozen=True)
class SandboxConfig:
    """What a sandbox is made of.

    Everything that is written inside lies below the private `folder` on the host, mode 0700, or in a folder that is
    mounted. Without a watchdog each
    process has limits of its own, and there are none for all.
    """

    folder: Path
    network: bool = False
    limits: Limits = field(default_factory=Limits)
    watchdog: Watchdog | None = None
    attached: Attached = NOTHING


class Sandbox:
    """A sandbox, to be started once."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.tasks = Tasks()
        self.monitor = Monitor(config.folder, config.limits)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._closed = False
        self._process: Process | None = None
        self._channel: socket.socket | None = None
        self._programs: dict[str, str] = {}
        self._workers: dict[str, languages.Worker] = {}
        self._kept: dict[str, Call] = {}

    @property
    def alive(self) -> bool:
        """Whether it was started and has neither died nor been closed."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def is_current(self) -> bool:
        """Whether it is alive and has the runtimes that this host has now."""
        return self.alive and self._programs == javascript.found()

    def start(self) -> None:
        """Start it and wait until its agent is ready.

        Raises:
            EmulatorError: As `check`; `LocalSandboxStart`: this one sandbox did not become ready.
        """
        self._start(_working_program())

    def context(self, language: str, runtime: str | None) -> str:
        """Return who answers requests for code in a language: `answerer` of `call`; may raise UnsupportedError."""
        return languages.context(language, runtime, self._workers)

    def call(self, answerer: str) -> Call:
        """Open a call to the agent, or raise SandboxGoneError; `answerer` is REQUEST, or what `context` returned."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._hand_over(answerer, theirs)
            except SandboxGoneError:
                ours.close()
                raise
        return Call(ours, max(2 * self.config.limits.output_bytes + IMAGE_BYTES, MAX_PAYLOAD))

    def ask(
        self,
        answerer: str,
        request: dict[str, Any],
        cancelled: threading.Event,
        data: Iterable[bytes] = (),
        size: int = 0,
    ) -> protocol.Message:
        """Send a request and wait for its answer, which tells of it when `cancelled` has interrupted what was started.

        Raises:
            HungUpError: The process that should have answered was killed; the sandbox lives on.
            SandboxGoneError: The sandbox has died.
        """
        with self._opened(answerer) as call:
            try:
                call.send(request, data, size)
                answer = call.answer(cancelled)
            except HungUpError:
                self.require_agent()
                raise
        if self._closed:  # its files may have gone before its agent, which then found none
            raise SandboxGoneError("it ended in the middle of a call")
        return answer

    def require_agent(self) -> None:
        """Raise SandboxGoneError where a call broke off because the whole sandbox has ended."""
        channel, poll = self._channel, select.poll()
        with contextlib.suppress(ValueError):  # closed meanwhile
            poll.register(channel or -1, select.POLLIN)
            # A channel that another thread closes wakes nobody here.
            if not poll.poll(END_SECONDS * 1000) and not self._closed:
                return
        raise SandboxGoneError("it ended in the middle of a call")

    def close(self) -> None:
        """Kill everything in it. It may be called twice, by several threads, and while it starts."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
            channel, self._channel = self._channel, None
        if channel:
            channel.close()
        if process:
            _end(process)
        if self.config.watchdog:
            self.config.watchdog.forget(self.monitor)
        self.tasks.close()
        self._forget_calls()

    @contextlib.contextmanager
    def _opened(self, answerer: str) -> Iterator[Call]:
        """Provide a call: the last one to this context, which saves a hand-over by the agent, or a new one."""
        call = self._kept.pop(answerer, None)
        if call and call.ready():  # unasked: its supervisor was killed
            call.close()
            call = None
        call = call or self.call(answerer)
        try:
            yield call
        except BaseException:
            call.close()
            raise
        if answerer == protocol.REQUEST or call.was_interrupted or self._kept.setdefault(answerer, call) is not call:
            call.close()
        if self._closed:
            self._forget_calls()

    def _forget_calls(self) -> None:
        while self._kept:
            self._kept.popitem()[1].close()

    def _start(self, program: Bubblewrap) -> None:
        self._programs = javascript.found()
        self._workers = languages.workers(self._programs)
        launcher.make_folders(self.config.folder)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as complaints:
            try:
                self._adopt(ours, self._launch(program, theirs, complaints))
                theirs.close()
                _await_agent(ours)
                self._watch()
            except OSError as error:
                self.close()
                complaints.seek(0)
                said = complaints.read(COMPLAINT_BYTES).decode(errors="replace").strip()
                raise _not_started(said or str(error)) from error
            finally:
                launcher.clear_up(self.config.folder)

    def _launch(self, program: Bubblewrap, channel: socket.socket, complaints: IO[bytes]) -> Process:
        config = self.config
        programs, attached = list(self._programs.values()), config.attached
        contents = launcher.Contents(
            config.folder, programs, config.network, config.limits.cpus, attached.mounts, attached.bundle()
        )
        return launcher.launch(program, contents, channel.fileno(), self._agent_options(), complaints)

    def _adopt(self, channel: socket.socket, process: Process) -> None:
        """Take over what was started, or end it where the sandbox was closed meanwhile."""
        with self._lock:
            self._channel, self._process = channel, process
            closed = self._closed
        if closed:
            self.close()

    def _watch(self) -> None:
        """Let the watchdog watch it, unless it was closed meanwhile."""
        process, watchdog = self._process, self.config.watchdog
        if process and watchdog:
            watchdog.watch(self.monitor, process.pid)
            if self._closed:
                watchdog.forget(self.monitor)

    def _agent_options(self) -> dict[str, object]:
        limits = self.config.limits
        return {
            "processes": limits.processes,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "payload_bytes": limits.payload_bytes,
            "workers": self._workers,
            "scope_sockets": self.config.network and launcher.can_scope_sockets(),
        }

    def _hand_over(self, answerer: str, conn: socket.socket) -> None:
        channel = self._channel
        if channel is None:
            raise SandboxGoneError("it was closed")
        try:
            with self._sending:
                socket.send_fds(channel, [answerer.encode()], [conn.fileno()])
        except OSError as error:
            raise SandboxGoneError("its agent has ended") from error


def _end(process: Process) -> None:
    """Kill a bwrap and its child, process 1 of the sandbox: the kernel then ends every process of the namespace.

    A bwrap killed in its first milliseconds would leave its child behind, which waits for it for ever.
    """
    process.send_signal(signal.SIGSTOP)
    with contextlib.suppress(ChildProcessError):  # it has ended, and was waited for
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # it has no other child from here on
    for child in usage.children(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()


def _await_agent(channel: socket.socket) -> None:
    channel.settimeout(READY_SECONDS)
    if channel.recv(16) != b"ready":
        raise ConnectionError("it ended before its agent was ready")
    channel.settimeout(SEND_SECONDS)


def check() -> str:
    """Return the path of a bwrap that really works here.

    Raises:
        EmulatorError: `LocalSandboxUnavailable`, with the reason and the remedy; `LocalPython`.
    """
    return str(_working_program().path)


@functools.cache
def _working_program() -> Bubblewrap:
    """Try one bwrap after the other: whether namespaces are allowed, and to which program, only a trial tells."""
    if not sys.platform.startswith("linux") or platform.machine() not in seccomp.ARCHITECTURES:
        raise bubblewrap.unavailable(
            [f"it needs Linux on x86-64 or ARM64, and this is {sys.platform} {platform.machine()}"]
        )
    launcher.check_user()
    reasons = []
    for program in bubblewrap.candidates():
        try:
            _try(program)
        except EmulatorError as error:
            if error.code != NOT_STARTED:
                raise
            reasons.append(f"{program.path}: {error.message}")
        else:
            return program
    raise bubblewrap.unavailable(reasons)


def _try(program: Bubblewrap) -> None:
    with tempfile.TemporaryDirectory(prefix="agentcore-sandbox-") as folder:
        sandbox = Sandbox(SandboxConfig(Path(folder)))
        with contextlib.closing(sandbox):
            sandbox._start(program)  # noqa: SLF001 - the same class's private half


NOT_STARTED = "LocalSandboxStart"


def _not_started(reason: str) -> EmulatorError:
    hint = "try again; if it keeps failing, `agentcore-sandbox local status` and the service's log tell more"
    return EmulatorError(NOT_STARTED, f"the sandbox did not start: {reason}", hint)
