"""Where the state folder is, and that nobody else can enter it."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator import folder_privacy, sandbox_runtime
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "AGENTCORE_SANDBOX_STATE_DIR"
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_OF_A_FILE = NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_HINT = f"set {VARIABLE} to a folder of your own that nobody else can enter"


def root(environ: Mapping[str, str]) -> Path:
    """The user's state folder, which need not exist yet; in Claude Code's sandbox one that can be written.

    Raises:
        AgentcoreSandboxError: `NoStateFolder`: nothing says where it is. In Claude Code's sandbox also `StateFailed`,
            `UnsafeFolder`.
    """
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).absolute()
    folder = _usual_root(environ)
    is_shut = sandbox_runtime.is_around(environ) and not is_writable(folder)
    return _root_in_sandbox(environ, folder) if is_shut else folder


def _root_in_sandbox(environ: Mapping[str, str], usual: Path) -> Path:
    """A private folder among the temporary files; says so where it makes one."""
    folder = sandbox_runtime.private_path(environ, "state")
    with translated("make", folder), suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        message = (
            f"names, jobs and history are kept in {folder}, apart from those in {usual}, "
            "which this sandbox does not let change"
        )
        Output().say(f"agentcore-sandbox: {message}")
    check_privacy(folder)
    return folder


def cache(environ: Mapping[str, str], purpose: str) -> Path:
    """A folder of the user's cache, which need not exist yet; a private one where the cache cannot be written."""
    base, home = Path(environ.get("XDG_CACHE_HOME", "")), environ.get("HOME") or environ.get("USERPROFILE")
    if not base.is_absolute() and home:
        base = Path(home).absolute() / ".cache"
    folder = base / "agentcore-sandbox" / purpose
    is_there = base.is_absolute() and is_writable(folder)
    return folder if is_there else sandbox_runtime.private_path(environ, purpose)


def is_writable(folder: Path) -> bool:
    """Whether a folder can be written, or made."""
    return os.access(next(path for path in (folder, *folder.parents) if path.exists()), os.W_OK)


def _usual_root(environ: Mapping[str, str]) -> Path:
    """As the XDG Base Directory Specification places it."""
    if (folder := Path(environ.get("XDG_STATE_HOME", ""))).is_absolute():  # the specification ignores relative paths
        return folder / "agentcore-sandbox"
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not home:
        message = "HOME is not set, so there is no place to record names and jobs"
        raise AgentcoreSandboxError("NoStateFolder", message, _HINT)
    return Path(home).absolute() / ".local" / "state" / "agentcore-sandbox"


def make(folder: Path) -> None:
    """Make a private folder in it, mode 0700; raises what `check_privacy` raises."""
    with translated("make", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_privacy(folder)


def check_privacy(folder: Path) -> None:
    """Refuse a folder that others can enter.

    Raises:
        AgentcoreSandboxError: `UnsafeFolder`, or `StateFailed`.
        FileNotFoundError: It is not there.
    """
    with translated("read", folder):
        problem = folder_privacy.problem(folder)
    if problem:
        hint = f"others may have put files there: look at them, then chmod 700 it; or {_HINT}"
        raise AgentcoreSandboxError("UnsafeFolder", f"{folder} {problem}", hint)


def open_file(path: Path, flags: int) -> int:
    """Open or make a private file; returns its descriptor.

    Raises:
        OSError: It cannot be opened, or it is no file of this user's.
    """
    # What is no file is not waited for, and what is another user's was put there while the folder was open.
    descriptor = os.open(path, flags | _OF_A_FILE, 0o600)
    found = os.fstat(descriptor)
    is_mine = sys.platform == "win32" or found.st_uid == os.geteuid()
    if not stat.S_ISREG(found.st_mode) or not is_mine:
        os.close(descriptor)
        raise OSError("it is not a file of yours")
    return descriptor


@contextmanager
def translated(what: str, path: Path) -> Iterator[None]:
    """Raise failures of the file system as errors of ours; a missing file is the caller's to deal with."""
    try:
        yield
    except FileNotFoundError:
        if what == "read":
            raise
        raise _failed(what, path, "it is not there") from None
    except OSError as error:
        raise _failed(what, path, str(error.strerror or error)) from None


def _failed(what: str, path: Path, reason: str) -> AgentcoreSandboxError:
    hint = sandbox_runtime.WRITING if sandbox_runtime.is_around(os.environ) else _HINT
    return AgentcoreSandboxError("StateFailed", f"cannot {what} {path}: {reason}", hint)
