"""The emulator's runtime folder: the state file that says how to reach it, its locks and its log."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator import file_lock, private_files, sandbox_runtime
from agentcore_emulator.endpoint import LocalEndpoint
from agentcore_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ABANDONED_SECONDS = 3600  # a younger folder may be of one that is starting
_LOG_BYTES = 1_000_000  # a longer log is begun anew
# Not TMPDIR in the first place: shells with different ones would not see each other's service.
_MEMORY = Path("/tmp")  # noqa: S108 - what is made in it is checked to be private
_DISK = Path("/var/tmp")  # noqa: S108 - the same


class RuntimeFolder:
    """The runtime folder of this user, mode 0700."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log_path = folder / "service.log"
        self.interpreters_path = folder / "interpreters.json"
        self._state_path = folder / "service.json"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> RuntimeFolder:
        """Make or accept the folder that the environment asks for.

        Raises:
            EmulatorError: `UnsafeFolder`, or `LocalSandboxUnavailable` on another system than Linux.
        """
        if not sys.platform.startswith("linux"):
            hint = "run this on Linux, on Windows in WSL 2, or use an interpreter on AWS"
            raise EmulatorError("LocalSandboxUnavailable", "interpreter 'local' needs Linux", hint)
        own = environ.get("AGENTCORE_SANDBOX_RUNTIME_DIR")
        session = environ.get("XDG_RUNTIME_DIR")
        if sandbox_runtime.is_around(environ):
            folder = Path(own).absolute() / _network() if own else sandbox_runtime.private_path(environ, _network())
        elif own:
            folder = Path(own).absolute()
        elif session and _own(Path(session)):
            folder = Path(session).absolute() / "agentcore-sandbox"
        else:
            return cls(_private_folder(_MEMORY, f"agentcore-sandbox-{os.geteuid()}"))
        return cls(private_files.make_folder(folder))

    def sessions_folder(self) -> Path:
        """Make the folder for the sessions' files: on disk, because XDG_RUNTIME_DIR is a small piece of memory."""
        if os.environ.get("AGENTCORE_SANDBOX_RUNTIME_DIR") or sandbox_runtime.is_around(os.environ):
            return private_files.make_folder(self.folder / "sessions")
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return _private_folder(_DISK, f"agentcore-sandbox-{os.geteuid()}-{name}")

    def abandoned(self) -> list[Path]:
        """Return the folders of emulators that ended with the command whose network they served (`sandbox_runtime`)."""
        if not sandbox_runtime.is_around(os.environ):
            return []
        others = self.folder.parent.glob(re.sub(r"[0-9]+$", "*", self.folder.name))
        return [other for other in others if other != self.folder and _is_abandoned(other)]

    def state(self) -> LocalEndpoint | None:
        """Return the running service's state; None when none runs, whatever a killed one has left behind."""
        with self._opened("serving.lock") as serving:
            with self._explained():
                nobody_serves = file_lock.try_acquire(serving, shared=True)
            if nobody_serves:
                return None
            with suppress(OSError, ValueError, TypeError):
                return _parse(self._state_path.read_bytes())
        return None

    def write_state(self, state: LocalEndpoint) -> None:
        """Publish how to reach the service."""
        private_files.replace(self._state_path, json.dumps(asdict(state)))

    def remove_state(self) -> None:
        """Withdraw it."""
        self._state_path.unlink(missing_ok=True)

    @contextmanager
    def starting(self, patience: float) -> Iterator[None]:
        """Hold the lock that one starter at a time has.

        Raises:
            EmulatorError: `LocalServiceBusy`: not within `patience` seconds.
        """
        with self._locked("starting.lock", patience):
            yield

    @contextmanager
    def serving(self, patience: float) -> Iterator[int]:
        """Hold the lock of the serving process; a child that inherits the yielded descriptor holds it too.

        Raises:
            EmulatorError: `LocalServiceBusy`: not within `patience` seconds.
        """
        with self._locked("serving.lock", patience) as lock:
            self.remove_state()
            yield lock

    def open_log(self) -> int:
        """Open the log; a long one is begun anew."""
        descriptor = private_files.open_file(self.log_path, os.O_WRONLY | os.O_APPEND)
        if os.fstat(descriptor).st_size > _LOG_BYTES:
            os.ftruncate(descriptor, 0)
        return descriptor

    @contextmanager
    def _locked(self, name: str, patience: float) -> Iterator[int]:
        with self._opened(name) as descriptor:
            with self._explained():
                is_ours = file_lock.acquire(descriptor, patience)
            if not is_ours:
                hint = "`agentcore-sandbox local status` shows it; `agentcore-sandbox local stop` ends it"
                raise EmulatorError("LocalServiceBusy", "another local emulator runs or is starting", hint)
            yield descriptor

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        with self._explained():
            descriptor = private_files.open_file(self.folder / name, os.O_RDWR)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise failures of the file system as errors of ours."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOLCK:
                hint = "set AGENTCORE_SANDBOX_RUNTIME_DIR to a folder on a local disk"
                raise EmulatorError("UnsafeFolder", f"files in {self.folder} cannot be locked", hint) from error
            raise private_files.unusable(self.folder, f"cannot be used: {error.strerror}") from error


def _parse(state: bytes) -> LocalEndpoint:
    """Read a state file, also another version's with other members."""
    known = {member.name for member in fields(LocalEndpoint)}
    return LocalEndpoint(**{name: value for name, value in json.loads(state).items() if name in known})


def _private_folder(shared: Path, name: str) -> Path:
    """Make a folder in one that all users share, or in the home where another user has taken its name there."""
    shared = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    try:
        return private_files.make_folder(shared / name)
    except EmulatorError:
        cache = Path(os.path.expanduser("~/.cache"))  # noqa: PTH111 - pathlib raises where there is no home
        if not cache.is_absolute():
            raise
        return private_files.make_folder(cache / name)


def _network() -> str:
    """The name of this network, whose loopback addresses no process in another one reaches."""
    return f"net-{Path('/proc/self/ns/net').stat().st_ino}"


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody serves from there, and nobody is about to."""
    with suppress(OSError), (folder / "serving.lock").open("rb") as lock:
        return folder.stat().st_mtime < time.time() - _ABANDONED_SECONDS and file_lock.try_acquire(lock.fileno())
    return False


def _own(folder: Path) -> bool:
    """Whether a folder is this user's, and not one that `su` or `sudo` left in the environment."""
    return folder.is_dir() and folder.stat().st_uid == os.geteuid()
