"""Find, start and stop the emulator of this user. One serves at a time."""

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

from agentcore_emulator import sandbox_runtime
from agentcore_emulator.endpoint import IDLE, PROGRAM, LocalEndpoint, settings
from agentcore_emulator.errors import EmulatorError, SettingError
from agentcore_emulator.limits import NOT_LIMITED
from agentcore_emulator.runtime_folder import RuntimeFolder
from agentcore_emulator.service import sigv4

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_IDLE = "900"
"""Seconds without a session and a request after which a background process ends."""
_ANSWER = 3.0  # seconds
_START = 60.0
_END = 30.0
# What the emulator needs of the caller's environment. Nothing else goes along, credentials least of all.
_KEPT = {
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    sandbox_runtime.VARIABLE,
}
_KEPT_PREFIXES = ("AGENTCORE_SANDBOX_", "PYENV_")
_BOOT = (
    "import json, sys; start = json.loads(sys.argv[1]); sys.path[:] = start.pop('path'); "
    "from agentcore_emulator import serve; serve.background(**start)"
)


def ensure(version: str = "", *, runs_code: bool = True) -> LocalEndpoint:
    """Return how to reach the emulator, started if need be; a caller may then send requests for some minutes at least.

    Args:
        version: Of the calling program; one that another version has started is not used.
        runs_code: Code shall run, in what this program would start and nothing less. To look at sessions and to stop
            them, whatever emulator of this user has them will do.

    Raises:
        EmulatorError: `LocalSandboxUnavailable` with reason and remedy, `LocalServiceMismatch` where another
            version with sessions runs, `LocalServiceFailed`, `LocalServiceBusy`, `UnsafeFolder`.
        SettingError: AGENTCORE_SANDBOX_LOCAL_IDLE is no number of seconds.
    """
    folder, idle = RuntimeFolder.of(os.environ), _idle()
    state = folder.state()
    if state is None or (runs_code and _mismatch(state, version)) or not _answers(state):
        with folder.starting(_START):
            state = _ensure_alone(folder, version, idle, runs_code=runs_code)
    return state


def status() -> tuple[LocalEndpoint, dict[str, Any]] | None:
    """Return the running emulator with its number of `sessions` and of `sessionsWithNetwork`, or None; starts nothing.

    `limits` are those of a session: name -> `{"most", "heldBy", "notCounted"}`; `notLimited` says what has none.

    Raises:
        EmulatorError: `LocalServiceFailed`: it runs and does not answer; `UnsafeFolder`.
    """
    state = RuntimeFolder.of(os.environ).state()
    if state is None:
        return None
    answer = _ask(state, "GET", "/local/status")
    counts = {name: int(answer.get(name, 0)) for name in ("sessions", "sessionsWithNetwork")}
    return state, {**counts, "limits": answer.get("limits", {}), "notLimited": NOT_LIMITED}


def stop() -> bool:
    """End the emulator and its sessions; False if none runs. Nothing of it is left when this returns.

    Raises:
        EmulatorError: It does not end.
    """
    folder = RuntimeFolder.of(os.environ)
    state = folder.state()
    if state is None:
        return False
    try:
        _ask(state, "PUT", "/local/stop")
    except EmulatorError:
        with suppress(ProcessLookupError):
            os.kill(state.pid, signal.SIGKILL)  # it hangs; its sandboxes die with it
    with folder.serving(_END):
        return True


def _ensure_alone(folder: RuntimeFolder, version: str, idle: float, *, runs_code: bool) -> LocalEndpoint:
    """Start the emulator, unless another caller has just done so."""
    state = folder.state()
    if state is not None and runs_code and (problem := _mismatch(state, version)):
        _stop_idle(folder, state, problem)
        state = None
    if state is None or not _answers(state):
        _launch(folder, version, idle)
        state = folder.state()
    if state is None:
        raise _failed("it ended as soon as it had started", folder)
    return state


def _mismatch(state: LocalEndpoint, version: str) -> str | None:
    """Say how the running emulator differs from the one that this program would start, in what is set here."""
    if state.version != version:
        return f"of version {state.version} (this is {version})"
    if state.program != PROGRAM:
        return f"of another copy of this program, in {state.program} (this one is in {PROGRAM}),"
    for name, value in settings(os.environ).items():
        if name not in state.settings:
            return f"without {name} (here it is {value})"
        if state.settings[name] != value:
            return f"with {name}={state.settings[name]} (here it is {value})"
    return None


def _stop_idle(folder: RuntimeFolder, state: LocalEndpoint, problem: str) -> None:
    if not _ask(state, "PUT", "/local/stop?onlyIdle=true")["stopping"]:
        hint = (
            "use it as it was started, or end it and its sessions: agentcore-sandbox local stop; "
            "or set AGENTCORE_SANDBOX_RUNTIME_DIR to another folder to have a second one"
        )
        raise EmulatorError("LocalServiceMismatch", f"a local emulator {problem} is running, and it has sessions", hint)
    with folder.serving(_END):
        pass


def _launch(folder: RuntimeFolder, version: str, idle: float) -> None:
    reader, writer = os.pipe()
    with folder.serving(_END) as lock, os.fdopen(reader, "rb") as outcome:
        try:
            start = {"folder": str(folder.folder), "version": version, "ready": writer, "idle": idle}
            _spawn(folder, start, (writer, lock))
        finally:
            os.close(writer)
        answer = outcome.read()
    if not answer:
        raise _failed("it ended before it was ready", folder)
    if problem := json.loads(answer):
        raise EmulatorError(**problem)


def _spawn(folder: RuntimeFolder, start: dict[str, Any], descriptors: tuple[int, ...]) -> None:
    """Start a fresh interpreter: a fork of this one would keep its modules, threads and descriptors."""
    paths = [str(Path(PROGRAM).parent), *(path for path in sys.path if Path(path).is_absolute())]
    log = folder.open_log()
    try:
        subprocess.run(
            [sys.executable, "-I", "-c", _BOOT, json.dumps({"path": paths, **start})],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C in the caller's terminal is not for the emulator
            env=_environment(os.environ),
            check=False,
        )
    finally:
        os.close(log)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}


def _idle() -> float:
    value = os.environ.get(IDLE, DEFAULT_IDLE)
    with suppress(ValueError):
        if 0 < float(value) < float("inf"):
            return float(value)
    raise SettingError(f"{IDLE} must be a number of seconds above 0, not {value!r}")


def _answers(state: LocalEndpoint) -> bool:
    try:
        _ask(state, "GET", "/local/status")
    except EmulatorError:
        return False
    return True


def _ask(state: LocalEndpoint, method: str, target: str) -> Any:
    """Send a signed request to the emulator itself."""
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


def _silent(state: LocalEndpoint) -> EmulatorError:
    message = f"the local emulator at {state.url} (process {state.pid}) does not answer"
    return EmulatorError("LocalServiceFailed", message, "end it with `agentcore-sandbox local stop`, then try again")


def _failed(problem: str, folder: RuntimeFolder) -> EmulatorError:
    message = f"the local emulator did not start: {problem}"
    return EmulatorError("LocalServiceFailed", message, f"see its log: {folder.log_path}")
