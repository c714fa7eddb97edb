"""The embedded service's runtime folder: the state file that says how to reach the service, its locks and its log."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator import file_lock, folders
from agentcore_emulator.service.sigv4 import Keys
from agentcore_sandbox import __version__
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAM = str(Path(__file__).resolve().parent)
"""The folder of the package that runs here."""
IDLE = "AGENTCORE_SANDBOX_LOCAL_IDLE"
"""The variable that says after how many idle seconds a background service ends."""
_STATE = "service.json"
_SERVING = "serving.lock"
_STARTING = "starting.lock"
_LOG = "service.log"
_PRIVATE = 0o600
# Not TMPDIR in the first place: shells with different ones would not see each other's service.
_MEMORY = Path("/tmp")  # noqa: S108 - what is made in it is checked to be private
_DISK = Path("/var/tmp")  # noqa: S108 - the same


@dataclass(frozen=True)
class LocalEndpoint:
    """A running service, as its state file describes it.

    Args:
        url: Its endpoint.
        access_key: The id of the key that requests are signed with.
        secret_key: Its secret.
        pid: The process.
        version: Of the program.
        program: The folder of the package that runs.
        started: Seconds since the epoch.
        settings: The AGENTCORE_SANDBOX_LOCAL_ variables that it was started with.
    """

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    pid: int = field(default_factory=os.getpid)
    version: str = __version__
    program: str = field(default_factory=lambda: PROGRAM)
    started: float = field(default_factory=time.time)
    settings: Mapping[str, str] = field(default_factory=lambda: settings(os.environ))

    @property
    def keys(self) -> Keys:
        """The pair of keys."""
        return Keys(self.access_key, self.secret_key)


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that shape the service's sandboxes."""
    named = {name: value for name, value in environment.items() if name.startswith("AGENTCORE_SANDBOX_LOCAL_")}
    named.pop(IDLE, None)
    return named


class Runtime:
    """The runtime folder of this user.

    Args:
        folder: Private, mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Runtime:
        """Make or accept the folder that the environment asks for.

        Raises:
            AgentcoreSandboxError: `UnsafeFolder`, or `LocalSandboxUnavailable` on another system than Linux.
        """
        if not sys.platform.startswith("linux"):
            hint = "run this on Linux, on Windows in WSL 2, or use an interpreter on AWS"
            raise AgentcoreSandboxError("LocalSandboxUnavailable", "interpreter 'local' needs Linux", hint)
        own = environment.get("AGENTCORE_SANDBOX_RUNTIME_DIR")
        session = environment.get("XDG_RUNTIME_DIR")
        if own:
            folder = Path(own).absolute()
        elif session and _own(Path(session)):
            folder = Path(session).absolute() / "agentcore-sandbox"
        else:
            folder = _first_writable(_MEMORY) / f"agentcore-sandbox-{os.geteuid()}"
        return cls(folders.make_private(folder))

    def sessions_folder(self) -> Path:
        """Make the folder for the sessions' files: on disk, because XDG_RUNTIME_DIR is a small piece of memory."""
        if os.environ.get("AGENTCORE_SANDBOX_RUNTIME_DIR"):
            return folders.make_private(self.folder / "sessions")
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return folders.make_private(_first_writable(_DISK) / f"agentcore-sandbox-{os.geteuid()}-{name}")

    @property
    def interpreters_path(self) -> Path:
        """Where the created interpreters are kept."""
        return self.folder / "interpreters.json"

    def state(self) -> LocalEndpoint | None:
        """Return the running service's state; None when none runs, whatever a killed one has left behind."""
        with self._lock(_SERVING) as serving:
            if file_lock.try_acquire(serving, shared=True):
                return None
            with suppress(OSError, ValueError, TypeError):
                return _parse((self.folder / _STATE).read_bytes())
        return None

    def write_state(self, state: LocalEndpoint) -> None:
        """Publish how to reach the service."""
        temporary = self.folder / f"{_STATE}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
        temporary.replace(self.folder / _STATE)

    def remove_state(self) -> None:
        """Withdraw it."""
        (self.folder / _STATE).unlink(missing_ok=True)

    @contextmanager
    def starting(self, patience: float) -> Iterator[None]:
        """Hold the lock that one starter at a time has.

        Raises:
            AgentcoreSandboxError: `LocalServiceBusy`: not within `patience` seconds.
        """
        with self._lock(_STARTING) as lock:
            _wait_for(lock, patience)
            yield

    @contextmanager
    def serving(self, patience: float) -> Iterator[int]:
        """Hold the lock of the serving process; a child that inherits the yielded descriptor holds it too.

        Raises:
            AgentcoreSandboxError: `LocalServiceBusy`: not within `patience` seconds.
        """
        with self._lock(_SERVING) as lock:
            _wait_for(lock, patience)
            self.remove_state()
            yield lock

    def log_descriptor(self, most: int = 1_000_000) -> int:
        """Open the log; one of more than `most` bytes is begun anew."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(self.folder / _LOG, flags, _PRIVATE)
        if os.fstat(descriptor).st_size > most:
            os.ftruncate(descriptor, 0)
        return descriptor

    @property
    def log_path(self) -> Path:
        """Where the log is."""
        return self.folder / _LOG

    @contextmanager
    def _lock(self, name: str) -> Iterator[int]:
        try:
            descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _PRIVATE)
        except OSError as error:
            raise folders.unusable(self.folder, f"cannot be used: {error.strerror}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _parse(state: bytes) -> LocalEndpoint:
    """Read a state file, also another version's with other members."""
    known = {member.name for member in fields(LocalEndpoint)}
    return LocalEndpoint(**{name: value for name, value in json.loads(state).items() if name in known})


def _first_writable(folder: Path) -> Path:
    return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())


def _own(folder: Path) -> bool:
    """Whether a folder is this user's, and not one that `su` or `sudo` left in the environment."""
    return folder.is_dir() and folder.stat().st_uid == os.geteuid()


def _wait_for(lock: int, patience: float) -> None:
    if not file_lock.acquire(lock, patience):
        hint = "`agentcore-sandbox local status` shows it; `agentcore-sandbox local stop` ends it"
        raise AgentcoreSandboxError("LocalServiceBusy", "another embedded service runs or is starting", hint)
