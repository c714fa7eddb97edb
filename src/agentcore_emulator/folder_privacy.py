"""Whether a folder is this user's alone. The command line asks this too, so it needs the standard library only."""

from __future__ import annotations

import os
import stat
import sys

ACCESS = 0o077
"""Others may do nothing in it."""
WRITING = 0o022
"""Others may look into it, but put nothing there."""


def problem(folder: str | os.PathLike[str], forbidden: int = ACCESS) -> str | None:
    """What is wrong with a folder, as the end of a sentence; None where it is this user's alone.

    Args:
        folder: The folder itself; a link to one is not accepted.
        forbidden: The permissions that others may not have.

    Raises:
        OSError: It cannot be looked at.
    """
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        return "is not a folder"
    if sys.platform == "win32":
        return None  # a user's profile is private there, and modes say nothing
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    if found.st_mode & forbidden:
        return f"is open to others (mode {stat.S_IMODE(found.st_mode):04o})"
    return None
