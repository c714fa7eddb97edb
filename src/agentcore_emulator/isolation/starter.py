"""The one thread that starts sandboxes.

`bwrap --die-with-parent` watches the thread that started it, not the process: started by a request's thread, a
sandbox would die with that thread. As root this thread has a mount namespace of its own, too: sandboxes are started
without root's rights, so what they need of folders such as /root is mounted where anybody may go.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypedDict, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")

UNPRIVILEGED = 65534
"""`nobody`: the kernel enforces a limit on processes for every user but root."""
STAGE = Path("/sys")
"""Always there to be mounted on, and nothing that a sandbox needs is ever in it."""
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_SLAVE, MNT_DETACH = 0x1000, 0x4000, 0x80000, 2


class User(TypedDict, total=False):
    """The arguments of Popen that change the user."""

    user: int
    group: int
    extra_groups: list[int]


def on_starter_thread(work: Callable[[], Result]) -> Result:
    """Do a short piece of work on the starter thread and return what it returns."""
    return _thread().submit(work).result()


@functools.cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")


def process(arguments: Sequence[str], descriptors: Sequence[int], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a program with these descriptors, no environment, and none of root's rights; on the starter thread."""
    user = User(user=UNPRIVILEGED, group=UNPRIVILEGED, extra_groups=[]) if _is_root() else User()
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=descriptors,
        env={},
        cwd="/",
        **user,
    )


def user() -> int:
    """Return the id of the user whom sandboxes run as."""
    return UNPRIVILEGED if _is_root() else os.geteuid()


def give_away(path: Path) -> None:
    """Make the user whom sandboxes run as the owner of a file or folder."""
    if _is_root():
        os.chown(path, UNPRIVILEGED, UNPRIVILEGED)


def stage(path: str) -> str:
    """Return where a folder can be reached without root's rights; on the starter thread."""
    if not _is_root() or _is_reachable(Path(path)) or not _has_own_mounts():
        return path  # as it is: AppArmor knows programs by their paths
    place = _place(path)
    if not place.is_dir():
        place.mkdir()
        _mount(path, str(place), None, MS_BIND | MS_REC)
    return str(place)


def unstage(path: str) -> None:
    """Undo `stage`; on the starter thread."""
    if _is_root() and _place(path).is_dir():
        _libc().umount2(str(_place(path)).encode(), MNT_DETACH)
        with contextlib.suppress(OSError):
            _place(path).rmdir()


def _place(path: str) -> Path:
    return STAGE / path.strip("/").replace("/", "%")


def _is_reachable(path: Path) -> bool:
    """Whether everybody may walk to this folder and read it."""
    status = path.stat()
    is_open = status.st_uid == UNPRIVILEGED or (status.st_mode & stat.S_IROTH and status.st_mode & stat.S_IXOTH)
    return bool(is_open) and all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def _is_root() -> bool:
    return os.geteuid() == 0


@functools.cache
def _has_own_mounts() -> bool:
    """Give this thread its own mount namespace; where root may not, paths stay as they are and may do."""
    if _libc().unshare(CLONE_NEWNS) != 0:
        return False
    _mount("none", "/", None, MS_SLAVE | MS_REC)
    _mount("tmpfs", str(STAGE), "tmpfs", 0)
    STAGE.chmod(0o755)
    return True


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    if _libc().mount(source.encode(), target.encode(), kind and kind.encode(), flags, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)
