"""Find, start and stop the embedded service of this user. One serves at a time."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentcore_emulator.runtime import IDLE, PROGRAM, LocalEndpoint, Runtime, settings
from agentcore_emulator.service import sigv4
from agentcore_sandbox import __version__
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_IDLE = 900.0
"""Seconds without a session and a request after which a background service ends."""
_ANSWER = 3.0  # seconds
__all__ = ["LocalEndpoint", "ensure", "find", "status", "stop"]

_START = 60.0
_END = 30.0
# What the service needs of the caller's environment. Nothing else goes along, credentials least of all.
_KEPT = {
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
}
_KEPT_PREFIXES = ("AGENTCORE_SANDBOX_", "PYENV_")
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from agentcore_emulator import serve; serve.background(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))"
)


def find() -> LocalEndpoint | None:
    """Return how to reach the running service, or None; starts nothing.

    Raises:
        AgentcoreSandboxError: `UnsafeFolder`.
    """
    return Runtime.of(os.environ).state()


def ensure(*, runs_code: bool = True) -> LocalEndpoint:
    """Return how to reach the service, started if need be; a caller may then send requests for some minutes at least.

    Args:
        runs_code: Code shall run, in what this program would start and nothing less. To look at sessions and to stop
            them, whatever service of this user has them will do.

    Raises:
        AgentcoreSandboxError: `LocalSandboxUnavailable` with reason and remedy, `LocalServiceMismatch` where another
            version with sessions runs, `LocalServiceFailed`, `LocalServiceBusy`, `UnsafeFolder`.
        UsageError: AGENTCORE_SANDBOX_LOCAL_IDLE is no number of seconds.
    """
    runtime = Runtime.of(os.environ)
    idle = _idle()
    state = runtime.state()
    if state is None or (runs_code and _mismatch(state)) or not _answers(state):
        with runtime.starting(_START):
            state = _ensure_alone(runtime, idle, runs_code=runs_code)
    return state


def status() -> tuple[LocalEndpoint, dict[str, Any]] | None:
    """Return the running service with its number of `sessions` and of `sessionsWithNetwork`, or None.

    `limits` are those of a session: name -> `{"most", "heldBy"}`.

    Raises:
        AgentcoreSandboxError: `LocalServiceFailed`: it runs and does not answer.
    """
    state = find()
    if state is None:
        return None
    answer = _ask(state, "GET", "/local/status")
    counts = {name: int(answer.get(name, 0)) for name in ("sessions", "sessionsWithNetwork")}
    return state, {**counts, "limits": answer.get("limits", {})}


def stop() -> bool:
    """End the service and its sessions; False if none runs. Nothing of it is left when this returns.

    Raises:
        AgentcoreSandboxError: It does not end.
    """
    runtime = Runtime.of(os.environ)
    state = runtime.state()
    if state is None:
        return False
    try:
        _ask(state, "PUT", "/local/stop")
    except AgentcoreSandboxError:
        with suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGKILL)  # it hangs; its sandboxes die with it
    with runtime.serving(_END):
        return True


def _ensure_alone(runtime: Runtime, idle: float, *, runs_code: bool) -> LocalEndpoint:
    """Start the service, unless another caller has just done so."""
    state = runtime.state()
    if state is not None and runs_code and (problem := _mismatch(state)):
        _replace(runtime, state, problem)
        state = None
    if state is None or not _answers(state):
        _launch(runtime, idle)
        state = runtime.state()
    if state is None:
        raise _failed("it ended as soon as it had started", runtime)
    return state


def _mismatch(state: LocalEndpoint) -> str | None:
    """Say how the running service differs from the one that this program would start, in what is set here."""
    if state.version != __version__:
        return f"of version {state.version} (this is {__version__})"
    if state.program != PROGRAM:
        return f"of another copy of this program, in {state.program} (this one is in {PROGRAM}),"
    for name, value in settings(os.environ).items():
        if name not in state.settings:
            return f"without {name} (here it is {value})"
        if state.settings[name] != value:
            return f"with {name}={state.settings[name]} (here it is {value})"
    return None


def _replace(runtime: Runtime, state: LocalEndpoint, problem: str) -> None:
    if not _ask(state, "PUT", "/local/stop?onlyIdle=true")["stopping"]:
        hint = (
            "use it as it was started, or end it and its sessions: agentcore-sandbox local stop; "
            "another AGENTCORE_SANDBOX_RUNTIME_DIR has a service of its own"
        )
        message = f"an embedded service {problem} is running, and it has sessions"
        raise AgentcoreSandboxError("LocalServiceMismatch", message, hint)
    with runtime.serving(_END):
        pass


def _launch(runtime: Runtime, idle: float) -> None:
    reader, writer = os.pipe()
    with runtime.serving(_END) as lock, os.fdopen(reader, "rb") as outcome:
        try:
            _spawn(runtime, idle, writer, lock)
        finally:
            os.close(writer)
        answer = outcome.read()
    if not answer:
        raise _failed("it ended before it was ready", runtime)
    if problem := json.loads(answer):
        raise AgentcoreSandboxError(**problem)


def _spawn(runtime: Runtime, idle: float, ready: int, lock: int) -> None:
    """Start a fresh interpreter: a fork of this one would keep its modules, threads and descriptors."""
    paths = [str(Path(PROGRAM).parent), *(path for path in sys.path if Path(path).is_absolute())]
    arguments = [json.dumps(paths), str(runtime.folder), str(ready), str(idle)]
    log = runtime.log_descriptor()
    try:
        subprocess.run(
            [sys.executable, "-I", "-c", _BOOT, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(ready, lock),
            start_new_session=True,  # Ctrl-C in the caller's terminal is not for the service
            env=_environment(os.environ),
            check=False,
        )
    finally:
        os.close(log)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}


def _idle() -> float:
    value = os.environ.get(IDLE, str(DEFAULT_IDLE))
    with suppress(ValueError):
        if 0 < float(value) < float("inf"):
            return float(value)
    raise UsageError(f"{IDLE} must be a number of seconds above 0, not {value!r}")


def _answers(state: LocalEndpoint) -> bool:
    try:
        _ask(state, "GET", "/local/status")
    except AgentcoreSandboxError:
        return False
    return True


def _ask(state: LocalEndpoint, method: str, target: str) -> Any:
    """Send a signed request to the service itself."""
    address = urlsplit(state.url)
    path, _, query = target.partition("?")
    message = sigv4.Message(method, path, query, {"host": address.netloc}, b"")
    headers = sigv4.sign(message, "local", state.keys, datetime.now(timezone.utc))
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=_ANSWER)
    try:
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _silent(state) from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise _silent(state)
    return body


def _silent(state: LocalEndpoint) -> AgentcoreSandboxError:
    message = f"the embedded service at {state.url} (process {state.pid}) does not answer"
    return AgentcoreSandboxError("LocalServiceFailed", message, "`agentcore-sandbox local stop` ends it")


def _failed(problem: str, runtime: Runtime) -> AgentcoreSandboxError:
    message = f"the embedded service did not start: {problem}"
    return AgentcoreSandboxError("LocalServiceFailed", message, f"its log is {runtime.log_path}")
