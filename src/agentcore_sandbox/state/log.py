"""Logs: JSON lines that all processes of this user append to, each whole. To write one never stops a command."""

from __future__ import annotations

import errno
import json
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from agentcore_emulator import file_lock
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.state.decoding import NewerVersionError, R, decoded
from agentcore_sandbox.state.root import make, open_file, root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Entry = Mapping[str, Any]

FOLDER = "activity"
LOCK_SECONDS = 10.0  # it is held for a fraction of a millisecond, and for some where a log rotates


class Log:
    """A log in the state folder.

    Args:
        name: Of its file, mode 0600. The entries before these are in a second one, of the same name and `.old`.
        most_bytes: When the file would have more, it takes the place of the older one.
        lasting: Of all entries, those that the next file begins with.

    Attributes:
        has_failed: This process has told its user that something could not be written.
    """

    has_failed: ClassVar[bool] = False

    def __init__(self, name: str, most_bytes: int, lasting: Callable[[Sequence[Entry]], Sequence[Entry]]) -> None:
        self._name = name
        self._most_bytes = most_bytes
        self._lasting = lasting

    def note(self, entry: Entry) -> None:
        """Append an entry; say so, once, where that fails."""
        try:
            self.append(entry)
        except (AgentcoreSandboxError, OSError) as error:
            _tell(error)

    def append(self, entry: Entry) -> None:
        """Append an entry.

        Raises:
            OSError: It cannot be written; the log is as it was.
            AgentcoreSandboxError: There is no folder for it, or an unsafe one.
        """
        line = _line(entry)
        make(folder())
        with self._locked():
            if self._size() + len(line) > self._most_bytes:
                self._rotate()
            _append(self._path(), line)

    def entries(self, *, older: bool = False, since: float = 0.0) -> list[Entry]:
        """The entries in the order in which they were written; what is damaged is passed over.

        Args:
            older: Those that have been rotated away come first.
            since: Leave out what is before the last one whose `at`, in seconds since the epoch, is earlier.

        Raises:
            OSError: They cannot be read.
            AgentcoreSandboxError: As for `append`.
        """
        data = (_read(self._path(".old")) if older else b"") + b"\n" + _read(self._path())
        found = []
        for line in reversed(data.splitlines()):
            entry = _entry(line)
            if entry is None:
                continue
            if since and _time(entry) < since:
                break
            found.append(entry)
        return found[::-1]

    @property
    def has_rotated(self) -> bool:
        """Whether there are older entries, of which the oldest may be gone."""
        return self._path(".old").exists()

    def _rotate(self) -> None:
        lasting = b"".join(map(_line, self._lasting(self.entries())))
        _replace(self._path(".old"), _read(self._path()))
        _replace(self._path(), lasting)

    def _size(self) -> int:
        try:
            return self._path().lstat().st_size
        except FileNotFoundError:
            return 0

    def _path(self, suffix: str = "") -> Path:
        return folder() / f"{self._name}{suffix}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time write. The lock has a file of its own, which no rotation replaces."""
        descriptor = open_file(self._path(".lock"), os.O_RDWR | os.O_CREAT)
        try:
            if not file_lock.acquire(descriptor, LOCK_SECONDS):
                raise OSError(errno.EBUSY, "another process has held its lock for too long")
            yield
        finally:
            os.close(descriptor)


def decoded_entry(kind: type[R], entry: Entry) -> R | None:
    """The record of an entry, None where it is damaged, or of a newer version."""
    try:
        return decoded(kind, entry)
    except (ValueError, NewerVersionError):
        return None


def folder() -> Path:
    """Where logs are.

    Raises:
        AgentcoreSandboxError: As for `root`.
    """
    return root(os.environ) / FOLDER


def _tell(error: AgentcoreSandboxError | OSError) -> None:
    if Log.has_failed or getattr(error, "code", "") == "NoStateFolder":  # whoever has no home keeps nothing
        return
    Log.has_failed = True
    reason = error.message if isinstance(error, AgentcoreSandboxError) else error.strerror or str(error)
    Output().say(f"agentcore-sandbox: sessions and executions of this call are not written down: {reason}")


def _line(entry: Entry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _entry(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _time(entry: Entry) -> float:
    at = entry.get("at")
    return at if isinstance(at, (int, float)) else math.inf


def _append(path: Path, line: bytes) -> None:
    """Write a line in one piece, on a line of its own also where a writer was killed in the middle of one."""
    descriptor = open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size and os.lseek(descriptor, size - 1, os.SEEK_SET) >= 0 and os.read(descriptor, 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    try:
        with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _replace(path: Path, data: bytes) -> None:
    """Replace a file as a whole; a reader, or whoever comes after a killed writer, finds the old or the new one."""
    beside = path.with_name(path.name + ".new")
    with os.fdopen(open_file(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(data)
    beside.replace(path)
