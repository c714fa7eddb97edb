"""Whether the process that has started a session still lives: it holds the lock of a file, which ends with it.

A process's id would say less: another process may have it by now, and in another container it means another one.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from agentcore_emulator import file_lock
from agentcore_sandbox.state import log
from agentcore_sandbox.state.root import make, open_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SUFFIX = ".owner"


class Owner:
    """This process, as the owner of sessions that shall end with it."""

    def __init__(self) -> None:
        self._sessions: set[str] = set()
        self._key = ""
        self._descriptor = -1
        self._lock = threading.Lock()

    def take(self, session_id: str) -> str:
        """Own a session; returns the key by which others find out whether its owner lives.

        Raises:
            OSError: The state folder cannot be written, or has no locks.
            AgentcoreSandboxError: There is none, or an unsafe one.
        """
        with self._lock:
            if not self._sessions:
                self._begin()
            self._sessions.add(session_id)
            return self._key

    def give_up(self, session_id: str) -> None:
        """A session has ended."""
        with self._lock:
            if session_id in self._sessions:
                self._sessions.remove(session_id)
                if not self._sessions:
                    self._end()

    def _begin(self) -> None:
        make(log.folder())
        key = os.urandom(8).hex()
        descriptor = open_file(log.folder() / f"{key}{_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
        file_lock.try_acquire(descriptor)
        with suppress(OSError):
            os.write(descriptor, b"locked\n")  # as long as it is empty, nobody takes it for a dead owner's
        self._key, self._descriptor = key, descriptor

    def _end(self) -> None:
        os.close(self._descriptor)
        with suppress(OSError):
            (log.folder() / f"{self._key}{_SUFFIX}").unlink()


this_process = Owner()


def dead() -> set[str]:
    """The keys of owners that have left sessions: nobody holds the lock of their file.

    Raises:
        OSError: The state folder cannot be read.
        AgentcoreSandboxError: There is none, or an unsafe one.
    """
    folder = log.folder()
    names = [name for name in os.listdir(folder) if name.endswith(_SUFFIX)]  # noqa: PTH208 - no pattern to compile
    return {name.removesuffix(_SUFFIX) for name in names if _is_dead(folder / name)}


def forget(keys: Iterable[str]) -> None:
    """Remove the files of dead owners.

    Raises:
        AgentcoreSandboxError: As for `dead`.
    """
    for key in keys:
        with suppress(OSError):
            (log.folder() / f"{key}{_SUFFIX}").unlink()


def _is_dead(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False  # it has just ended, and has left nothing
    try:
        return os.fstat(descriptor).st_size > 0 and file_lock.try_acquire(descriptor)
    finally:
        os.close(descriptor)
