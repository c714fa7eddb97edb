"""The warm path of a zipapp. Python compiles it at every start, so it is short and imports next to nothing.

shiv's own bootstrap is left out here: it imports some forty modules, follows SHIV_* variables, and gives up where the
home folder is missing or not writable.
"""

from __future__ import annotations

import os
import stat
import sys

NAME = "agentcore-sandbox"


def main(build: str) -> None:
    """Run the command line from its unpacked copy; does not return.

    Args:
        build: The copy's name: version and hash of its contents.
    """
    sys.path[0] = site_packages(build)  # in place of the zip: before whatever PYTHONPATH names
    sys.dont_write_bytecode = False  # the copy is ours, and without bytecode a start takes several times as long
    from agentcore_sandbox.__main__ import main as command_line

    sys.exit(command_line())


def site_packages(build: str) -> str:
    """The folder of the unpacked copy, made first where there is none."""
    for root in roots():
        folder = os.path.join(root, build, "site-packages")
        if os.path.isdir(folder) and is_private(root):
            return folder
    from . import unpack

    return unpack.unpack(build)


def roots() -> list[str]:
    """The folders that may hold copies, best first: in the cache, then the user's own among the temporary files."""
    temporary = os.environ.get("TEMP" if sys.platform == "win32" else "TMPDIR") or "/tmp"  # noqa: S108 - see is_private
    folders = (os.path.join(cache(), NAME), os.path.join(temporary, f"{NAME}-{user()}"))
    return [folder for folder in folders if os.path.isabs(folder)]


def cache() -> str:
    """The user's cache folder; empty or not absolute where there is none. The launcher looks there too."""
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA", "")
    return os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")


def user() -> str:
    """Tells users apart who share a temporary folder."""
    return os.environ.get("USERNAME", "") if sys.platform == "win32" else str(os.geteuid())


def is_private(root: str) -> bool:
    """Whether nobody but the user can put code there."""
    if sys.platform == "win32":
        return True  # both folders lie in the user's profile
    status = os.lstat(root)
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return mine and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
