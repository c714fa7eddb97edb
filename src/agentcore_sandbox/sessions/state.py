"""The state folder: small private files of this user, each locked while it changes and replaced as a whole."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

VARIABLE = "AGENTCORE_SANDBOX_STATE_DIR"
LOCK_SECONDS = 120.0  # longer than any start of a session takes
_RETRY = 0.02
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_OTHERS = 0o077
_KEY = re.compile(r"[0-9A-Za-z-]{1,80}")
_HINT = f"set {VARIABLE} to a folder of your own that nobody else can enter"


def root(environ: Mapping[str, str]) -> Path:
    """The user's state folder, as the XDG Base Directory Specification places it; it need not be there yet.

    Raises:
        AgentcoreSandboxError: `NoStateFolder`: nothing says where it is.
    """
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE]).absolute()
    if (folder := Path(environ.get("XDG_STATE_HOME", ""))).is_absolute():  # the specification ignores relative paths
        return folder / "agentcore-sandbox"
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not home:
        raise AgentcoreSandboxError("NoStateFolder", "no home folder is set, so names and jobs cannot be kept", _HINT)
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
            value = json.loads(self.file(key).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            return None  # replaced as a whole, so never half-written by us: whatever it is, it says nothing
        except OSError as error:
            raise _failed("read", self.file(key), error) from None
        return value if isinstance(value, dict) else None

    def write(self, key: str, record: Mapping[str, Any]) -> None:
        """Replace a record; readers see the old one or the new one."""
        self._make()
        path = self.file(key)
        try:
            # A temporary file is private (0600) from the start.
            file = tempfile.NamedTemporaryFile("w", dir=self.path, delete=False, encoding="utf-8")  # noqa: SIM115 - below
        except OSError as error:
            raise _failed("write", path, error) from None
        try:
            with file:
                json.dump(record, file)
            Path(file.name).replace(path)
        except OSError as error:
            raise _failed("write", path, error) from None
        finally:
            Path(file.name).unlink(missing_ok=True)

    def append(self, name: str, data: bytes) -> None:
        """Append to a private file that is no record, such as a job's saved output."""
        self._make()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        try:
            with os.fdopen(os.open(self.path / name, flags, _PRIVATE_FILE), "ab") as file:
                file.write(data)
        except OSError as error:
            raise _failed("write", self.path / name, error) from None

    def remove(self, key: str) -> None:
        """Remove a record and its companions."""
        for path in self.path.glob(f"{_checked(key)}.*"):
            if path.suffix != ".lock":  # another process may wait for it
                path.unlink(missing_ok=True)

    def is_damaged(self, key: str) -> bool:
        """Whether there is a record that says nothing."""
        return self.file(key).exists() and self.read(key) is None

    def file(self, key: str, suffix: str = "json") -> Path:
        """Where a record, or a companion of it, is."""
        return self.path / f"{_checked(key)}.{suffix}"

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a record; one process at a time does.

        Raises:
            AgentcoreSandboxError: `StateBusy`: not within two minutes.
        """
        self._make()
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(self.file(key, "lock"), flags, _PRIVATE_FILE)
        except OSError as error:
            raise _failed("lock", self.file(key, "lock"), error) from None
        try:
            self._wait_for(descriptor, key)
            yield
        finally:
            os.close(descriptor)  # lets the lock go

    def _wait_for(self, descriptor: int, key: str) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                message = f"another process holds {self.file(key, 'lock')}"
                raise AgentcoreSandboxError("StateBusy", message, "wait for it to end, then try again")
            time.sleep(_RETRY)

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            found = self.path.lstat()
        except OSError as error:
            raise _failed("make", self.path, error) from None
        if sys.platform == "win32":
            return  # a user's profile is private there, and modes say nothing
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
            message = f"{self.path} is not a folder that only you can enter"
            raise AgentcoreSandboxError("UnsafeFolder", message, f"chmod 700 it, or {_HINT}")


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(key)
    return key


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _failed(what: str, path: Path, error: OSError) -> AgentcoreSandboxError:
    return AgentcoreSandboxError("StateFailed", f"cannot {what} {path}: {error.strerror or error}", _HINT)
