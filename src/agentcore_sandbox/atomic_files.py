"""Files that have their name only when they are whole: they are written in a private folder beside, and then moved."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from agentcore_emulator import file_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX, _SUFFIX = ".agentcore-sandbox-", ".part"
_LOCK_SECONDS = 10.0  # nobody holds it for long who then finds the folder in use


class StagingFolder:
    """A folder for files that are being written. Every method raises the `OSError` of the file system.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._count = 0
        self._last: BinaryIO | None = None

    def create(self) -> tuple[Path, BinaryIO]:
        """Make a file that nobody else can read, and open it."""
        self._count += 1
        path = self.path / str(self._count)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._last = os.fdopen(os.open(path, flags, 0o600), "wb")
        return path, self._last

    def write(self, data: bytes) -> Path:
        """Make a file of some bytes."""
        path, file = self.create()
        with file:
            file.write(data)
        return path

    def remove(self) -> None:
        """Remove it with all that is in it; the file that was opened last may still be open."""
        with suppress(OSError):
            if self._last:
                self._last.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def copy(self, file: Path) -> Path:
        """Copy a file into it, with its permissions."""
        path, opened = self.create()
        opened.close()
        shutil.copy(file, path)
        return path


@contextmanager
def staging_folder(parent: Path) -> Iterator[StagingFolder]:
    """Make a staging folder for the block, and remove what processes that are dead have left of theirs.

    Args:
        parent: The folder that it is in; of the same file system as what is published from it.
    """
    if sys.platform == "win32":  # a folder cannot be locked there
        path, lock = _made(parent), None
    else:
        _remove_abandoned(parent)
        path, lock = _made_and_locked(parent)
    staging = StagingFolder(path)
    try:
        yield staging
    finally:
        staging.remove()
        if lock is not None:
            os.close(lock)


def publish(file: Path, name: Path, *, mode: int = 0o600, replace: bool = False) -> None:
    """Give a closed file of a staging folder its name.

    Args:
        file: The file.
        name: Its path from then on.
        mode: Its permissions, less those that the umask takes.
        replace: Take the place of a file of that name.

    Raises:
        FileExistsError: There is a file of that name, which stays as it is.
    """
    file.chmod(without_umask(mode))
    try:
        _move(file, name, replace=replace)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with staging_folder(name.parent) as beside:  # there is another file system below the folder
            _move(beside.copy(file), name, replace=replace)


def without_umask(mode: int) -> int:
    """Permissions as a new file would get them."""
    current = os.umask(0)
    os.umask(current)
    return mode & 0o777 & ~current


def _move(file: Path, name: Path, *, replace: bool) -> None:
    if replace:
        file.replace(name)
    elif os.name == "nt":  # renames without replacing
        file.rename(name)
    else:
        _link(file, name)


def _link(file: Path, name: Path) -> None:
    try:
        name.hardlink_to(file)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.EXDEV):
            raise
        name.touch(0o600, exist_ok=False)  # a file system without hard links
        file.replace(name)  # takes the place of what is ours


def _made(parent: Path) -> Path:
    path = parent / f"{_PREFIX}{uuid.uuid4().hex[:12]}{_SUFFIX}"
    path.mkdir(mode=0o700)
    return path


def _made_and_locked(parent: Path) -> tuple[Path, int]:
    """Another process may take the folder for abandoned until it is locked."""
    while True:
        path = _made(parent)
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks: then nobody removes it but its owner
                file_lock.acquire(lock, _LOCK_SECONDS)
            if path.exists():
                return path, lock
            os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    """Remove staging folders whose owner is dead: it held their lock, which ended with it."""
    for path in parent.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                if file_lock.try_acquire(lock):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
