"""Folders and files of this user alone: checked, replaced as a whole, removed whatever is in them."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from agentcore_emulator import folder_privacy
from agentcore_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from pathlib import Path


def make_folder(folder: Path) -> Path:
    """Make a folder, or accept one, that nobody else can enter.

    Raises:
        EmulatorError: `UnsafeFolder`: it is a link, another user's, or open to others.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        problem = folder_privacy.problem(folder)
    except OSError as error:
        raise unusable(folder, f"cannot be made: {error.strerror}") from error
    if problem:
        raise unusable(folder, problem)
    return folder


def unusable(folder: Path, problem: str) -> EmulatorError:
    """Return the error for a folder of the emulator that has a problem."""
    hint = "remove it or `chmod 700` it, or set AGENTCORE_SANDBOX_RUNTIME_DIR to a folder of your own"
    return EmulatorError("UnsafeFolder", f"the local emulator's folder {folder} {problem}", hint)


def open_file(path: Path, flags: int) -> int:
    """Open a file with mode 0600, made if need be; never through a link."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def replace(path: Path, text: str) -> None:
    """Write a file as a whole: readers find the old text or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with os.fdopen(open_file(temporary, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove(folder: Path) -> None:
    """Remove a folder that a sandbox has filled: any names, any depth, folders without permissions, links not followed.

    Nothing may run in it any more. What cannot be removed stays; the next start of the emulator tries again.
    """
    with suppress(OSError):  # few programs leave files behind, and starting another for nothing takes 5 ms
        for empty in (*folder.iterdir(), folder):
            empty.rmdir()
        return
    if not _quietly("/bin/rm", "--recursive", "--force", "--", folder):
        _quietly("/bin/chmod", "--recursive", "u+rwx", "--", folder)
        _quietly("/bin/rm", "--recursive", "--force", "--", folder)


def _quietly(*command: str | Path) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
