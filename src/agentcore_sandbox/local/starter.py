"""The one thread that starts sandboxes.

`bwrap --die-with-parent` watches the thread that started it, not the process: started by a request's thread, a
sandbox would die with that thread. As root this thread has a mount namespace of its own: the sandbox's user is not
root and may not walk through folders such as /root, so what it needs is mounted where it may.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TypeVar

Result = TypeVar("Result")
UNPRIVILEGED = 65534  # nobody
CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 0x40000, 0x1000
# Nothing that a sandbox needs is ever in here, and it is always there to be mounted on.
STAGE = "/sys"


def on_starter_thread(work: Callable[[], Result]) -> Result:
    """Do a short piece of work on the starter thread and return what it returns."""
    return _thread().submit(work).result()


@functools.cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter", initializer=_prepare)


def _prepare() -> None:
    """As root, give this thread its own mount namespace; without the right to, paths stay as they are."""
    if os.geteuid() == 0 and _libc().unshare(CLONE_NEWNS) == 0:
        _mount(None, "/", None, MS_REC | MS_PRIVATE)
        _mount("tmpfs", STAGE, "tmpfs", 0)
        os.chmod(STAGE, 0o755)


def process(argv: Sequence[str], descriptors: Sequence[int], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a program with these descriptors, no environment, and without root's rights."""
    user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
        pass_fds=descriptors, env={}, cwd="/", **user,
    )


def stage(path: str) -> str:
    """Return where a folder can be reached without root's rights; only on the starter thread."""
    if os.geteuid() != 0:
        return path
    place = f"{STAGE}/{path.strip('/').replace('/', '%')}"
    if not os.path.isdir(place):
        os.mkdir(place)
        _mount(path, place, None, MS_BIND | MS_REC)
    return place


def unstage(path: str) -> None:
    """Undo `stage` for a folder that is about to be removed."""
    if os.geteuid() == 0:
        place = f"{STAGE}/{path.strip('/').replace('/', '%')}"
        _libc().umount2(place.encode(), 2)
        os.rmdir(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encode = lambda text: None if text is None else text.encode()
    if _libc().mount(encode(source), encode(target), encode(kind), flags, None) != 0:
        raise OSError(ctypes.get_errno(), "mount", target)
