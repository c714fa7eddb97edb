"""Records: small private files of this user, each locked while it changes and replaced as a whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from agentcore_emulator import file_lock
from agentcore_sandbox.atomic_files import publish, staging_folder
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError, UnreadableRecordError
from agentcore_sandbox.state.decoding import VERSION, NewerVersionError, decoded, encoded
from agentcore_sandbox.state.root import NO_FOLLOW, check_privacy, make, open_file, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_SECONDS = 120.0  # longer than any start of a session takes
MOST_BYTES = 1 << 20  # of a record
_KEY = re.compile(r"[0-9A-Za-z-]{1,80}")
R = TypeVar("R")


class StateFolder:
    """A folder of JSON records and of files that go with them.

    Args:
        path: Made on the first write, mode 0700. One that others can enter is neither written nor read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_all(self, kind: type[R], keys: re.Pattern[str] = _KEY) -> tuple[list[R], list[UnreadableRecordError]]:
        """All records in the order of their keys, and what is wrong with those that cannot be read."""
        found: list[R] = []
        unreadable = []
        for key in self._keys():
            try:
                record = self.read(key, kind) if keys.fullmatch(key) else None
                found += [record] if record else []
            except UnreadableRecordError as error:
                unreadable.append(error)
        return found, unreadable

    def _keys(self) -> list[str]:
        if not self._exists():
            return []
        with translated("read", self._path):
            return sorted(file.stem for file in self._path.glob("*.json") if _KEY.fullmatch(file.stem))

    def read(self, key: str, kind: type[R]) -> R | None:
        """A record, None where there is none.

        Raises:
            UnreadableRecordError: It is damaged, or of a newer version.
        """
        path = self.file(key)
        try:
            data = self.read_file(path.name, limit=MOST_BYTES)
            return None if data is None else decoded(kind, json.loads(data))
        except AgentcoreSandboxError as error:
            if error.code != "StateFailed":
                raise
            raise UnreadableRecordError(path, error.message.rpartition(": ")[2]) from None
        except NewerVersionError:
            reason = "a newer version of agentcore-sandbox has written it"
            raise UnreadableRecordError(path, reason, is_newer=True) from None
        except (ValueError, RecursionError):  # replaced as a whole, so it was not this program
            raise UnreadableRecordError(path, "it is damaged") from None

    def write(self, key: str, record: object) -> None:
        """Replace a record; readers see the old one or the new one."""
        make(self._path)
        data = json.dumps({"version": VERSION, **encoded(record)}).encode()
        with translated("write", self.file(key)), staging_folder(self._path) as staging:
            publish(staging.write(data), self.file(key), replace=True)

    def set_aside(self, key: str) -> Path | None:
        """Keep a record that cannot be read under another name, so that there can be a new one; None without one."""
        if not os.path.lexists(self.file(key)):
            return None
        with translated("rename", self.file(key)):
            _remove(self.file(key, "unreadable"))  # a file does not take the place of a folder
            return self.file(key).replace(self.file(key, "unreadable"))

    def read_file(self, name: str, offset: int = 0, limit: int = -1) -> bytes | None:
        """Bytes of a file, None where there is none.

        Args:
            name: Of a record, or of a file that goes with one.
            offset: Where they begin.
            limit: Their most, -1 for all that follow.
        """
        path = self._path / name
        if not self._exists():
            return None
        with (
            translated("read", path),
            suppress(FileNotFoundError),
            os.fdopen(open_file(path, os.O_RDONLY), "rb") as file,
        ):
            file.seek(offset)
            return file.read(limit)
        return None

    def size(self, name: str) -> int:
        """The size in bytes of a file, 0 where there is none."""
        with translated("read", self._path / name), suppress(FileNotFoundError):
            return (self._path / name).lstat().st_size
        return 0

    def append(self, name: str, data: bytes) -> None:
        """Append to a private file that is no record, such as a job's saved output."""
        make(self._path)
        path = self._path / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_FOLLOW
        with translated("write", path), os.fdopen(os.open(path, flags, 0o600), "ab") as file:
            file.write(data)

    def remove(self, key: str) -> None:
        """Remove a record, readable or not, and what goes with it, but for the lock, which has its holder."""
        for path in self._path.glob(f"{_checked(key)}.*") if self._exists() else ():
            if path.suffix != ".lock":
                with translated("remove", path):
                    _remove(path)

    def remove_older(self, seconds: float) -> None:
        """Remove the records that were written longer ago."""
        for key in self._keys():
            with translated("read", self.file(key)), suppress(FileNotFoundError):
                if time.time() - self.file(key).lstat().st_mtime > seconds:
                    self.remove(key)

    def file(self, key: str, suffix: str = "json") -> Path:
        """The path of a record, or of a file that goes with it."""
        return self._path / f"{_checked(key)}.{suffix}"

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a record, which one process at a time can. A signal ends the wait for it.

        Raises:
            AgentcoreSandboxError: `StateBusy`: not within two minutes.
        """
        make(self._path)
        path = self.file(key, "lock")
        with translated("lock", path):
            descriptor = _acquired(path)
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file
                path.unlink()  # whoever waits for it finds that out, and takes a new one
            os.close(descriptor)

    def _exists(self) -> bool:
        """Whether the folder is there; one that others can enter is refused."""
        try:
            check_privacy(self._path)
        except FileNotFoundError:
            return False
        return True


def _remove(path: Path) -> None:
    """Remove what has a record's name, also where it is a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(key)
    return key


def _acquired(path: Path) -> int:
    """Open and lock a lock file that is still there: its last holder may have removed it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600)
        try:
            _wait_for(descriptor, path)
            if _is_open(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path) -> None:
    with gate.opened():  # also where signals are held back until a session is recorded: none has been started yet
        is_ours = file_lock.acquire(descriptor, LOCK_SECONDS)
    if not is_ours:
        message = f"another process has held {path} for {LOCK_SECONDS:.0f} seconds"
        raise AgentcoreSandboxError("StateBusy", message, "wait until it has finished, or end it; then try again")


def _is_open(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
