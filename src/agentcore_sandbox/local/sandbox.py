"""One sandbox: a bubblewrap container with an agent in it, alive as long as its session."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import select
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agentcore_sandbox.errors import AgentcoreSandboxError

from . import bwrap, guest_archive, interpreter, seccomp, starter
from .calls import Call, SandboxGoneError
from .limits import Limits

__all__ = ["Sandbox", "SandboxConfig", "SandboxGoneError", "check"]

READY_SECONDS = 30.0


@dataclass(frozen=True)
class SandboxConfig:
    """What a sandbox is made of.

    Args:
        folder: The session's private folder on the host, mode 0700; everything written inside lies below it.
        network: Share the host's network instead of having none.
        limits: What the session may use.
    """

    folder: Path
    network: bool = False
    limits: Limits = field(default_factory=Limits)


class Sandbox:
    """A sandbox that can be started once.

    Args:
        config: What it is made of.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether it was started and has neither died nor been closed."""
        process = self._process
        return process is not None and process.poll() is None

    def start(self) -> None:
        """Start it and wait until its agent is ready.

        Raises:
            AgentcoreSandboxError: `LocalSandboxUnavailable`: bubblewrap cannot work here; `LocalPython`: the
                interpreter cannot; `LocalSandboxStart`: this one sandbox did not become ready.
        """
        self._start(check())

    def _start(self, program: str) -> None:
        python = interpreter.find()
        _make_folders(self.config.folder)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = ours
        with theirs, tempfile.TemporaryFile() as complaints:
            launch = functools.partial(_launch, program, python, self.config, theirs.fileno(), complaints)
            try:
                self._process = starter.on_starter_thread(launch)
                theirs.close()
                self._await_agent()
            except (OSError, TimeoutError) as error:
                self.close()
                complaints.seek(0)
                said = complaints.read(2000).decode(errors="replace").strip()
                raise _not_started(said or str(error)) from error

    def _await_agent(self) -> None:
        assert self._channel is not None
        self._channel.settimeout(READY_SECONDS)
        if self._channel.recv(16) != b"ready":
            raise ConnectionError("it ended before its agent was ready")

    def call(self, label: str) -> Call:
        """Open a call to the agent.

        Args:
            label: `request`, or the name of a language.

        Raises:
            SandboxGoneError: There is no agent any more.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                with self._lock:
                    if self._channel is None:
                        raise SandboxGoneError("it was closed")
                    socket.send_fds(self._channel, [label.encode()], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise SandboxGoneError("its agent has ended") from error
        return Call(ours, self.config.limits.payload_bytes)

    def has_ended(self, within_seconds: float) -> bool:
        """Wait a moment for the end of the agent; return whether it has come."""
        channel = self._channel
        if channel is None or not self.alive:
            return True
        with contextlib.suppress(OSError, ValueError):
            ready, _, _ = select.select([channel], [], [], within_seconds)
            return bool(ready)
        return True

    def close(self) -> None:
        """Kill everything in it; to close twice does no harm."""
        with self._lock:
            process, self._process = self._process, None
            channel, self._channel = self._channel, None
        if channel:
            channel.close()
        if process:
            process.kill()
            process.wait()


@functools.cache
def check() -> str:
    """Return the path of a bwrap that really works here: only a trial tells.

    Raises:
        AgentcoreSandboxError: `LocalSandboxUnavailable`, with the reason and the remedy.
    """
    reasons = []
    for program in bwrap.candidates():
        try:
            _try(program)
            return program
        except AgentcoreSandboxError as error:
            if error.code != "LocalSandboxStart":
                raise
            reasons.append(f"{program}: {error.message}")
    raise AgentcoreSandboxError("LocalSandboxUnavailable", "; ".join(reasons), "")


def _try(program: str) -> None:
    with tempfile.TemporaryDirectory(prefix="agentcore-sandbox-") as folder:
        sandbox = Sandbox(SandboxConfig(Path(folder)))
        with contextlib.closing(sandbox):
            sandbox._start(program)


def _not_started(reason: str) -> AgentcoreSandboxError:
    return AgentcoreSandboxError("LocalSandboxStart", f"The sandbox did not start: {reason}", "")


def _make_folders(folder: Path) -> None:
    (folder / "etc").mkdir()
    for name, text in bwrap.ETC.items():
        (folder / "etc" / name).write_text(text)
    for name in bwrap.WRITABLE:
        (folder / name).mkdir(mode=0o700)
    if os.geteuid() == 0:
        for path in (folder, folder / "etc", *(folder / name for name in bwrap.WRITABLE)):
            os.chown(path, starter.UNPRIVILEGED, starter.UNPRIVILEGED)


def _launch(program, python, config, channel, complaints):
    """Start bwrap; on the starter thread."""
    sources = {path: starter.stage(path) for path in python.folders}
    folder = starter.stage(str(config.folder))
    with _memory(guest_archive.content()) as archive, _memory(seccomp.program()) as filter_:
        options = bwrap.arguments(
            python, Path(folder), sources, network=config.network, archive=archive, seccomp=filter_
        )
        with _memory("\0".join(options).encode() + b"\0") as arguments:
            boot = guest_archive.boot("agent", bwrap.ARCHIVE) + "(int(sys.argv[1]), __import__('json').loads(sys.argv[2]))"
            argv = [program, "--args", str(arguments), python.executable, "-I", "-S", "-c", boot]
            argv += [str(channel), json.dumps(_options(config.limits, python))]
            return starter.process(argv, (archive, filter_, arguments, channel), complaints)


def _options(limits, python):
    worker = guest_archive.boot("python_worker", bwrap.ARCHIVE) + "(int(sys.argv[1]))"
    return {
        "processes": limits.processes,
        "memoryBytes": limits.memory_bytes,
        "fileBytes": limits.file_bytes,
        "payloadBytes": limits.payload_bytes,
        "languages": {"python": [python.executable, "-I", "-X", "utf8", "-c", worker]},
    }


@contextlib.contextmanager
def _memory(content: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("sandbox")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
