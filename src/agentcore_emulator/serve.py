"""The process that serves: in the foreground for `local serve`, in the background when the command line needs it."""

from __future__ import annotations

import json
import logging
import os
import resource
import secrets
import select
import signal
import socket
import string
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from agentcore_emulator import limits, private_files, sandbox, tools
from agentcore_emulator.attached import Attached, Roots
from agentcore_emulator.endpoint import LocalEndpoint, settings
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.isolation import launcher
from agentcore_emulator.limits import Limits, Quotas
from agentcore_emulator.resources.cgroups import Groups
from agentcore_emulator.resources.watchdog import Watchdog
from agentcore_emulator.runtime_folder import RuntimeFolder
from agentcore_emulator.service import faults
from agentcore_emulator.service.control_plane import Administration, ControlPlane
from agentcore_emulator.service.data_plane import DataPlane
from agentcore_emulator.service.dispatch import Dispatcher
from agentcore_emulator.service.faults import Fault, Faults
from agentcore_emulator.service.interpreters import CodeInterpreters
from agentcore_emulator.service.request_log import RequestLog
from agentcore_emulator.service.server import Server
from agentcore_emulator.service.sessions import Sessions
from agentcore_emulator.service.sigv4 import Keys
from agentcore_emulator.service.timers import Timers

if TYPE_CHECKING:
    from agentcore_emulator.service.request_log import Record
    from agentcore_emulator.service.server import Handle

_POLL = 0.1  # seconds until a stopped server notices
_PATIENCE = 2.0  # seconds for a lock that only a look at the state holds
_log = logging.getLogger(__name__)

Ready = Callable[[LocalEndpoint], None]


def _ignore(_request: Mapping[str, Any]) -> None:
    """Record nothing."""


@dataclass(frozen=True)
class Options:
    """How to serve: at a free port for 0, until there was no request and no session for `idle` seconds.

    `record` is told of each request; `settings` are the variables that say all this.
    """

    port: int = 0
    idle: float | None = None
    record: Record = _ignore
    quotas: Quotas = field(default_factory=Quotas)
    limits: Limits = field(default_factory=Limits)
    faults: Sequence[Fault] = ()
    roots: Roots = field(default_factory=Roots)
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str], **more: Any) -> Options:
        """Read quotas, limits, faults and roots from the environment; may raise SettingError."""
        switches = [faults.parse(text) for text in environ.get(faults.VARIABLE, "").split()]
        quotas, session = limits.read(Quotas, environ), limits.read(Limits, environ)
        roots, named = Roots.of(environ), settings(environ)
        return cls(quotas=quotas, limits=session, faults=switches, roots=roots, settings=named, **more)


class StopRequest:
    """What the main thread waits for: one of these signals, or a thread that asks for the end.

    No `threading.Event`: a signal that the kernel gives to another thread would not wake the main one, and a handler
    that sets an event while the main thread holds its lock would wait for ever. Python writes each handled signal to
    the wake-up descriptor, in whichever thread it arrives.
    """

    def __init__(self, signals: Iterable[int]) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        for number in signals:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def set(self) -> None:
        """Ask for the end; any thread may."""
        with suppress(OSError):  # full, or closed: it has been asked for
            self._writer.send(b"\0")

    def wait(self, timeout: float | None) -> bool:
        """Wait for a request at most `timeout` seconds; whether there is one."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def close(self) -> None:
        """Listen no more."""
        signal.set_wakeup_fd(-1)
        self._writer.close()
        self._reader.close()


def foreground(folder: RuntimeFolder, options: Options, log: Path | None, ready: Ready) -> None:
    """Serve until SIGINT, SIGTERM, SIGHUP or `local stop`; record requests in `log`; call `ready` once they are taken.

    Raises:
        EmulatorError: Another one serves, no sandbox works here, or the port is taken.
        SettingError: The log cannot be written.
    """
    with ExitStack() as stack:
        record = _ignore if log is None else stack.enter_context(closing(RequestLog(log))).write
        starting = stack.enter_context(ExitStack())
        starting.enter_context(folder.starting(_PATIENCE))
        stack.enter_context(folder.serving(_PATIENCE))

        def published(endpoint: LocalEndpoint) -> None:
            starting.close()
            ready(endpoint)

        _serve(folder, replace(options, record=record), published)


def background(folder: str, version: str, ready: int, idle: float) -> NoReturn:
    """Leave the caller, which waits for this process only, and serve until nobody needs it. The lock is inherited.

    The pipe `ready` gets `{}` once requests are taken, or the error as JSON.
    """
    if os.fork():
        os._exit(0)
    outcome = os.fdopen(ready, "wb")
    os.chdir("/")
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        _serve(
            RuntimeFolder(Path(folder)),
            Options.of(os.environ, version=version, idle=idle),
            lambda _: _report(outcome, {}),
        )
    except EmulatorError as error:
        _report(outcome, {"code": error.code, "message": error.message, "hint": error.hint})
    except OSError as error:
        message, hint = f"the local emulator did not start: {error}", "make sure that the disk has room, then try again"
        _report(outcome, {"code": "LocalServiceFailed", "message": message, "hint": hint})
    sys.exit(0)


def _report(pipe: BinaryIO, outcome: dict[str, str]) -> None:
    """Tell the waiting caller; what comes later is nobody's business there."""
    if not pipe.closed:
        with pipe:
            pipe.write(json.dumps(outcome).encode())


def _serve(folder: RuntimeFolder, options: Options, ready: Ready) -> None:
    sandbox.check()
    _allow_many_files()
    with ExitStack() as stack:
        stop = stack.enter_context(closing(StopRequest((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))))
        server, sessions = _assemble(folder, options, stop.set, stack)
        keys = (server.keys.access_key_id, server.keys.secret_access_key)
        endpoint = LocalEndpoint(server.url, *keys, version=options.version, settings=options.settings)
        folder.write_state(endpoint)
        stack.callback(folder.remove_state)
        _log.info("serving at %s", server.url)
        ready(endpoint)
        _wait(stop, server, sessions, options.idle)


def _assemble(
    folder: RuntimeFolder, options: Options, end: Callable[[], None], stack: ExitStack
) -> tuple[Server, Sessions]:
    """Build the service from its parts; `stack` takes them down in the opposite order."""
    sessions_folder = folder.sessions_folder()
    stack.callback(_remove_if_empty, sessions_folder)
    threading.Thread(target=_remove, args=[[*sessions_folder.iterdir(), *folder.abandoned()]], name="leftovers").start()
    timers = Timers()
    stack.callback(timers.close)
    watchdog = Watchdog(Groups.find())
    stack.callback(watchdog.close)

    def make_sandbox(folder: Path, network: bool, attached: Attached) -> sandbox.Sandbox:  # noqa: FBT001 - as sessions call it
        return sandbox.Sandbox(sandbox.SandboxConfig(folder, network, options.limits, watchdog, attached))

    sessions = Sessions(sessions_folder, make_sandbox, timers, options.quotas.sessions)
    stack.callback(sessions.close)
    data, control = _planes(folder.interpreters_path, sessions, timers, options)
    administration = Administration(sessions, watchdog.holds(options.limits), end)
    handlers = {**data.handlers(), **control.handlers()}
    faults_ = Faults(options.faults, sessions.end)
    server = _listen(options, Dispatcher(handlers, options.record, faults_, administration.handlers()).handle, timers)
    stack.callback(server.server_close)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), name="server")
    thread.start()
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return server, sessions


def _planes(path: Path, sessions: Sessions, timers: Timers, options: Options) -> tuple[DataPlane, ControlPlane]:
    known, seconds = CodeInterpreters(timers, path), options.quotas.invoke_seconds
    return DataPlane(known, sessions, tools.invoke, timers, seconds, roots=options.roots), ControlPlane(known, sessions)


def _allow_many_files() -> None:
    """A session and its requests need about ten descriptors; the usual soft limit is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _remove(leftovers: Iterable[Path]) -> None:
    """Remove what a killed server has left: processes, then folders."""
    launcher.end_orphans()
    for folder in leftovers:
        private_files.remove(folder)


def _listen(options: Options, handle: Handle, timers: Timers) -> Server:
    letters = string.ascii_uppercase + string.digits
    access_key_id = "LOCAL" + "".join(secrets.choice(letters) for _ in range(15))
    try:
        keys = Keys(access_key_id, secrets.token_urlsafe(30))
        return Server(options.port, keys, handle, options.record, timers, options.quotas.payload_bytes)
    except OSError as error:
        hint = "choose another one with --port, or none for a free one"
        raise EmulatorError("PortUnavailable", f"port {options.port} cannot be used: {error.strerror}", hint) from error


def _wait(stop: StopRequest, server: Server, sessions: Sessions, idle: float | None) -> None:
    """Wait until told to stop, or until there was neither a request nor a session for `idle` seconds."""
    busy_at = time.monotonic()
    while not stop.wait(None if idle is None else min(idle / 4, 5.0)):
        if sessions.ready():
            busy_at = time.monotonic()
        last = max(busy_at, server.last_request)
        if idle is not None and time.monotonic() - last > idle and sessions.retire():
            _log.info("idle for %.0f s", idle)
            return
