"""Checks of the emulator: whether a sandbox can start, and which languages it has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.checks import FAILURE, WARNING, Outcome, ok, warning
from agentcore_sandbox.emulator import translated_errors
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 30
# Kernel settings: file -> the value that forbids user namespaces.
NAMESPACE_SWITCHES = {
    "/proc/sys/user/max_user_namespaces": "0",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
}


def _optional(check: Callable[[], Outcome]) -> Callable[[bool], Outcome]:
    """A check that fails only where the emulator is the chosen interpreter, and warns otherwise."""

    def checked(chosen: bool) -> Outcome:  # noqa: FBT001 - the one subject of these checks
        try:
            with translated_errors():
                outcome = check()
        except AgentcoreSandboxError as error:
            outcome = Outcome(FAILURE, error.message, error.hint)
        return outcome if chosen or outcome.status != FAILURE else replace(outcome, status=WARNING)

    return checked


def sandbox() -> Outcome:
    """Start a sandbox."""
    if sys.platform != "linux":
        return Outcome(FAILURE, "the emulator needs Linux", "use AWS, or a Linux machine (WSL 2 counts)")
    from agentcore_emulator import sandbox as sandboxes
    from agentcore_emulator import sandbox_runtime

    message = f"{sandboxes.check()} works"
    if sandbox_runtime.is_around(os.environ):
        message += "; the emulator and its sessions end with each command of Claude Code's sandbox"
    return ok(message)


def namespaces() -> Outcome:
    """Whether the kernel allows user namespaces."""
    from agentcore_emulator import sandbox_runtime

    against = [f"{path} is {value}" for path, value in NAMESPACE_SWITCHES.items() if _read(path) == value]
    if against and sandbox_runtime.is_around(os.environ):
        return warning("Claude Code's sandbox forbids user namespaces", sandbox_runtime.NESTED)
    if against:
        remedy = "if no sandbox works: change them with sysctl, or give bwrap an AppArmor profile with `userns`"
        return warning("; ".join(against), remedy)
    return ok("user namespaces are allowed")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def deno() -> Outcome:
    """The default runtime of JavaScript and TypeScript."""
    return _runtime("deno")


def node() -> Outcome:
    """The runtime for --runtime nodejs."""
    return _runtime("nodejs")


def _runtime(name: str) -> Outcome:
    from agentcore_emulator.isolation import javascript

    runtime = javascript.RUNTIMES[name]
    try:
        path = runtime.find()
    except javascript.MissingRuntimeError as error:
        return warning(error.reason, f"for JavaScript in the emulator: {error.remedy}")
    version = _version(path)
    numbers = tuple(map(int, re.findall(r"[0-9]+", version)[:2]))
    if not numbers:
        return warning(f"{path} does not start", runtime.install)
    if numbers < runtime.oldest:
        return warning(f"{version}, {path}: too old for TypeScript", runtime.install)
    return ok(f"{version}, {path}")


def _version(path: str) -> str:
    """The first line that `--version` prints, empty where the program does not start."""
    try:
        done = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0]


CHECKS = {"local sandbox": _optional(sandbox)}
if sys.platform == "linux":
    CHECKS |= {
        "local namespaces": _optional(namespaces),
        "local deno": _optional(deno),
        "local node": _optional(node),
    }
