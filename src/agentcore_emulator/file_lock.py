"""Wait for the lock of an open file, which ends with the process that holds it. The command line uses this too."""

from __future__ import annotations

import errno
import sys
import time

if sys.platform == "win32":
    import msvcrt

    _BUSY = {errno.EACCES, 0}  # 0: under wine 8, which gives no reason
else:
    import fcntl

    _BUSY = {errno.EWOULDBLOCK, errno.EAGAIN}

_RETRY_SECONDS = 0.02


def acquire(descriptor: int, seconds: float) -> bool:
    """Lock an open file for this process alone; whether that came about within some seconds.

    Raises:
        OSError: The file system has no locks (`ENOLCK`), or another failure that waiting does not mend.
    """
    deadline = time.monotonic() + seconds
    while not try_acquire(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(_RETRY_SECONDS)
    return True


def try_acquire(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file unless somebody else holds it; raises what `acquire` raises.

    Args:
        descriptor: Of the file.
        shared: Let others hold it shared too; Windows has no such locks.
    """
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True
