"""The process that serves: in the foreground for `local serve`, in the background when the command line needs it."""

from __future__ import annotations

import functools
import json
import logging
import os
import resource
import secrets
import signal
import string
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from agentcore_emulator import folders, limits, sandbox, tools
from agentcore_emulator.isolation import orphans
from agentcore_emulator.limits import Limits
from agentcore_emulator.resources.cgroups import Groups
from agentcore_emulator.resources.watchdog import Watchdog
from agentcore_emulator.runtime import LocalEndpoint, Runtime, settings
from agentcore_emulator.service import faults, interpreter_file
from agentcore_emulator.service.administration import Administration
from agentcore_emulator.service.control_plane import ControlPlane
from agentcore_emulator.service.data_plane import DataPlane
from agentcore_emulator.service.faults import Fault, Faults
from agentcore_emulator.service.interpreters import Interpreters
from agentcore_emulator.service.quotas import Quotas
from agentcore_emulator.service.request_log import RequestLog
from agentcore_emulator.service.routes import Service, control_plane_routes, data_plane_routes
from agentcore_emulator.service.server import Server
from agentcore_emulator.service.sessions import Sessions
from agentcore_emulator.service.sigv4 import Keys
from agentcore_emulator.service.timers import Alarms
from agentcore_emulator.stop_request import StopRequest
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from agentcore_emulator.service.messages import Record

_POLL = 0.1  # seconds until a stopped server notices
_PATIENCE = 2.0  # seconds for a lock that only a look at the state holds
_log = logging.getLogger(__name__)

Ready = Callable[[LocalEndpoint], None]


def _ignore(_request: Mapping[str, Any]) -> None:
    """Record nothing."""


@dataclass(frozen=True)
class Options:
    """How to serve.

    Args:
        port: 0 chooses a free one.
        idle: Seconds without a request and a session after which to end; None never does.
        record: Is told of each request.
        quotas: What is allowed in all.
        limits: What one session may use.
        faults: What shall go wrong.
        settings: The variables that say all this, for callers who want the same.
    """

    port: int = 0
    idle: float | None = None
    record: Record = _ignore
    quotas: Quotas = field(default_factory=Quotas)
    limits: Limits = field(default_factory=Limits)
    faults: Sequence[Fault] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, environ: Mapping[str, str], **more: Any) -> Options:
        """Read quotas, limits and faults from the environment.

        Raises:
            UsageError: A variable's value cannot be right.
        """
        switches = [faults.parse(text) for text in environ.get(faults.VARIABLE, "").split()]
        quotas, session = limits.read(Quotas, environ), limits.read(Limits, environ)
        return cls(quotas=quotas, limits=session, faults=switches, settings=settings(environ), **more)


def foreground(runtime: Runtime, options: Options, log: Path | None, ready: Ready) -> None:
    """Serve until SIGINT, SIGTERM, SIGHUP or `local stop`.

    Args:
        runtime: The runtime folder.
        options: How to serve; what it records goes to `log`.
        log: Where to record requests.
        ready: Called once requests are taken.

    Raises:
        AgentcoreSandboxError: Another one serves, no sandbox works here, or the port is taken.
        UsageError: The log cannot be written.
    """
    with ExitStack() as stack:
        record = _ignore if log is None else stack.enter_context(closing(RequestLog(log))).write
        starting = stack.enter_context(ExitStack())
        starting.enter_context(runtime.starting(_PATIENCE))
        stack.enter_context(runtime.serving(_PATIENCE))

        def published(endpoint: LocalEndpoint) -> None:
            starting.close()
            ready(endpoint)

        _serve(runtime, replace(options, record=record), published)


def background(folder: str, ready: int, idle: float) -> NoReturn:
    """Leave the caller, which waits for this process only, and serve until nobody needs it. The lock is inherited.

    Args:
        folder: The runtime folder.
        ready: A pipe's descriptor; gets `{}` once requests are taken, or the error as JSON.
        idle: Seconds without a request and a session after which to end.
    """
    if os.fork():
        os._exit(0)
    outcome = os.fdopen(ready, "wb")
    os.chdir("/")
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        _serve(Runtime(Path(folder)), Options.of(os.environ, idle=idle), lambda _: _report(outcome, {}))
    except AgentcoreSandboxError as error:
        _report(outcome, {"code": error.code, "message": error.message, "hint": error.hint})
    except OSError as error:
        message, hint = f"the embedded service did not start: {error}", "see that the disk has room, then try again"
        _report(outcome, {"code": "LocalServiceFailed", "message": message, "hint": hint})
    sys.exit(0)


def _report(pipe: BinaryIO, outcome: dict[str, str]) -> None:
    """Tell the waiting caller; what comes later is nobody's business there."""
    if not pipe.closed:
        with pipe:
            pipe.write(json.dumps(outcome).encode())


def _serve(runtime: Runtime, options: Options, ready: Ready) -> None:
    sandbox.check()
    _allow_many_files()
    with ExitStack() as stack:
        stop = stack.enter_context(closing(StopRequest((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))))
        server, sessions = _assemble(runtime, options, stop.set, stack)
        keys = server.keys
        endpoint = LocalEndpoint(server.url, keys.access_key_id, keys.secret_access_key, settings=options.settings)
        runtime.write_state(endpoint)
        stack.callback(runtime.remove_state)
        _log.info("serving at %s", server.url)
        ready(endpoint)
        _wait(stop, server, sessions, options.idle)


def _assemble(runtime: Runtime, options: Options, end: Callable[[], None], stack: ExitStack) -> tuple[Server, Sessions]:
    """Build the service from its parts; `stack` takes them down in the opposite order."""
    folder = runtime.sessions_folder()
    stack.callback(_remove_if_empty, folder)
    threading.Thread(target=_remove, args=[list(folder.iterdir())], name="leftovers").start()
    clock = Alarms()
    stack.callback(clock.close)
    watchdog = Watchdog(Groups.find())
    stack.callback(watchdog.close)
    make_sandbox = functools.partial(_make_sandbox, options.limits, watchdog)
    sessions = Sessions(folder, make_sandbox, clock, options.quotas.sessions)
    stack.callback(sessions.close)
    data, control = _planes(runtime, sessions, clock, options.quotas)
    administration = Administration(sessions, watchdog.holds(options.limits), end)
    routes = [*data_plane_routes(data), *control_plane_routes(control), *administration.routes()]
    service = Service(routes, options.record, Faults(options.faults, sessions.end))
    server = _listen(options, service)
    stack.callback(server.server_close)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL,), name="server")
    thread.start()
    stack.callback(thread.join)
    stack.callback(server.shutdown)
    return server, sessions


def _make_sandbox(limits: Limits, watchdog: Watchdog, folder: Path, network: bool) -> sandbox.Sandbox:  # noqa: FBT001 - as sessions call it
    return sandbox.Sandbox(sandbox.SandboxConfig(folder, network, limits, watchdog))


def _planes(runtime: Runtime, sessions: Sessions, clock: Alarms, allowed: Quotas) -> tuple[DataPlane, ControlPlane]:
    path = runtime.interpreters_path
    known = Interpreters(clock, interpreter_file.load(path), functools.partial(interpreter_file.save, path))
    return DataPlane(known, sessions, tools.invoke, clock, allowed.invoke_seconds), ControlPlane(known, sessions)


def _allow_many_files() -> None:
    """A session and its requests need about ten descriptors; the usual soft limit is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _remove(leftovers: Iterable[Path]) -> None:
    """Remove what a killed server has left: processes, then folders."""
    orphans.end()
    for folder in leftovers:
        folders.remove(folder)


def _listen(options: Options, service: Service) -> Server:
    letters = string.ascii_uppercase + string.digits
    access_key_id = "LOCAL" + "".join(secrets.choice(letters) for _ in range(15))
    try:
        keys = Keys(access_key_id, secrets.token_urlsafe(30))
        return Server(options.port, keys, service.handle, options.record, options.quotas.payload_bytes)
    except OSError as error:
        hint = "choose another one with --port, or none for a free one"
        raise AgentcoreSandboxError(
            "PortUnavailable", f"port {options.port} cannot be used: {error.strerror}", hint
        ) from error


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
