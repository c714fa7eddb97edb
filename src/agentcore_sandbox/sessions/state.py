"""The state folder: small private files of this user, each locked while it changes and replaced as a whole."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_emulator import file_lock, private_folder
from agentcore_sandbox.atomic_file import PRIVATE, AtomicFile
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "AGENTCORE_SANDBOX_STATE_DIR"
LOCK_SECONDS = 120.0  # longer than any start of a session takes
_KEY = re.compile(r"[0-9A-Za-z-]{1,80}")
_HINT = f"set {VARIABLE} to a folder of your own that nobody else can enter"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def root(environ: Mapping[str, str]) -> Path:
    """The user's state folder, as the XDG Base Directory Specification places it; it need not exist yet.

    Raises:
        AgentcoreSandboxError: `NoStateFolder`: nothing says where it is.
    """
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).absolute()
    if (folder := Path(environ.get("XDG_STATE_HOME", ""))).is_absolute():  # the specification ignores relative paths
        return folder / "agentcore-sandbox"
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not home:
        message = "HOME is not set, so there is no place to remember names and jobs"
        raise AgentcoreSandboxError("NoStateFolder", message, _HINT)
    return Path(home).absolute() / ".local" / "state" / "agentcore-sandbox"


class StateFolder:
    """A folder of JSON records.

    Args:
        path: Made on the first write, mode 0700; refused where others can enter it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def keys(self) -> list[str]:
        """The keys of all records, sorted."""
        return sorted(file.stem for file in self.path.glob("*.json"))

    def read(self, key: str) -> dict[str, Any] | None:
        """A record, None where there is none or it is damaged."""
        try:
            with _translated("read", self.file(key)):
                value = json.loads(self.file(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return None  # replaced as a whole, so it is never half-written by this program
        return value if isinstance(value, dict) else None

    def write(self, key: str, record: Mapping[str, Any]) -> None:
        """Replace a record; readers see the old one or the new one."""
        self._make()
        with _translated("write", self.file(key)), AtomicFile(self.path) as file:
            file.write(json.dumps(record).encode())
            file.publish(self.file(key), replace=True)

    def append(self, name: str, data: bytes) -> None:
        """Append to a private file that is no record, such as a job's saved output."""
        self._make()
        path = self.path / name
        with (
            _translated("write", path),
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_FOLLOW, PRIVATE), "ab") as file,
        ):
            file.write(data)

    def remove(self, key: str) -> None:
        """Remove a record and its companions."""
        for path in self.path.glob(f"{_checked(key)}.*"):
            if path.suffix != ".lock":  # another process may wait for it
                path.unlink(missing_ok=True)

    def is_damaged(self, key: str) -> bool:
        """Whether there is a record that cannot be read."""
        return self.file(key).exists() and self.read(key) is None

    def file(self, key: str, suffix: str = "json") -> Path:
        """The path of a record, or of a companion of it."""
        return self.path / f"{_checked(key)}.{suffix}"

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a record, which one process at a time can.

        Raises:
            AgentcoreSandboxError: `StateBusy`: not within two minutes.
        """
        self._make()
        path = self.file(key, "lock")
        with _translated("lock", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, PRIVATE)
        try:
            with _translated("lock", path):
                is_ours = file_lock.acquire(descriptor, LOCK_SECONDS)
            if not is_ours:
                hint = "wait for it to end, then try again"
                raise AgentcoreSandboxError("StateBusy", f"another process holds {path}", hint)
            yield
        finally:
            os.close(descriptor)  # lets the lock go

    def _make(self) -> None:
        with _translated("make", self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            problem = private_folder.problem(self.path)
        if problem:
            raise AgentcoreSandboxError("UnsafeFolder", f"{self.path} {problem}", f"chmod 700 it, or {_HINT}")


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(key)
    return key


@contextmanager
def _translated(what: str, path: Path) -> Iterator[None]:
    """Raise failures of the file system as errors of ours; a missing file is the caller's to deal with."""
    try:
        yield
    except OSError as error:
        if what == "read" and isinstance(error, FileNotFoundError):
            raise
        raise AgentcoreSandboxError("StateFailed", f"cannot {what} {path}: {error.strerror or error}", _HINT) from None
