"""Private folders: made for this user alone, and removed whatever is in them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from agentcore_emulator import private_folder
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE = 0o700


def make_private(folder: Path) -> Path:
    """Make a folder, or accept one, that nobody else can enter.

    Raises:
        AgentcoreSandboxError: `UnsafeFolder`: it is a link, another user's, or open to others.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        problem = private_folder.problem(folder)
    except OSError as error:
        raise unusable(folder, f"cannot be made: {error.strerror}") from error
    if problem:
        raise unusable(folder, problem)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder that a sandbox has filled: any names, any depth, folders without permissions, links not followed.

    Nothing may run in it any more. What cannot be removed stays; the next server's start tries again.
    """
    if _rm(folder) != 0:
        subprocess.run(["/bin/chmod", "--recursive", "u+rwx", "--", folder], capture_output=True, check=False)
        _rm(folder)


def unusable(folder: Path, problem: str) -> AgentcoreSandboxError:
    """Return the error for a folder of the service that has a problem."""
    hint = "remove it or `chmod 700` it, or set AGENTCORE_SANDBOX_RUNTIME_DIR to a folder of your own"
    return AgentcoreSandboxError("UnsafeFolder", f"the embedded service's folder {folder} {problem}", hint)


def _rm(folder: Path) -> int:
    return subprocess.run(
        ["/bin/rm", "--recursive", "--force", "--", folder], capture_output=True, check=False
    ).returncode
