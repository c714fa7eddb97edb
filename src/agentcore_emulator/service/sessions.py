"""Sessions: their sandboxes, lifetimes and list."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Protocol

from agentcore_emulator import private_files
from agentcore_emulator.attached import NOTHING, Attached
from agentcore_emulator.limits import Quotas
from agentcore_emulator.service import errors
from agentcore_emulator.service.spares import Spares
from agentcore_emulator.service.timers import Timer, Timers, seconds

if TYPE_CHECKING:
    from pathlib import Path

LISTED_FOR = timedelta(days=30)
LISTED_AT_MOST = 2000
"""Terminated sessions that stay listable."""

_CLEANERS = 8  # threads that end sessions and remove their folders
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_log = logging.getLogger(__name__)


class SessionSandbox(Protocol):
    """What a session needs of its sandbox."""

    def start(self) -> None:
        """Start it; raises EmulatorError."""

    def close(self) -> None:
        """Kill everything in it."""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""

    @property
    def is_current(self) -> bool:
        """Whether it is what would be started now."""


MakeSandbox = Callable[["Path", bool, Attached], SessionSandbox]


@dataclass(frozen=True)
class Started:
    """A sandbox for a session to come, with its folder."""

    folder: Path
    sandbox: SessionSandbox


@dataclass
class Session:
    """One sandbox with a lifetime; `attached` has the API's members with its file systems and certificates."""

    session_id: str
    interpreter: str
    name: str | None
    timeout: int
    sandbox: SessionSandbox
    folder: Path
    created: datetime
    updated: datetime
    deadline: float
    network: bool
    number: int = 0
    attached: Mapping[str, Any] = field(default_factory=dict)
    terminated: bool = False
    end: Timer | None = None

    @property
    def status(self) -> str:
        """READY or TERMINATED, true to the sandbox."""
        return "READY" if self._runs() else "TERMINATED"

    def _runs(self) -> bool:
        return not self.terminated and seconds() < self.deadline and self.sandbox.alive


class Sessions:
    """Starts, finds, lists and ends sessions; safe to use from many threads.

    At most `limit` are READY at once, those that wait for a session included. Each sandbox gets a folder in the private
    `folder`; `make_sandbox` is called with that, with whether to share the host's network, and what is attached.
    """

    def __init__(self, folder: Path, make_sandbox: MakeSandbox, timers: Timers, limit: int = Quotas.sessions) -> None:
        self._folder = folder
        self._make_sandbox = make_sandbox
        self._timers = timers
        self._limit = limit
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._count = 0
        self._starting = 0
        self._closed = False
        self._cleaner = ThreadPoolExecutor(_CLEANERS, thread_name_prefix="cleaner")
        self._spares = Spares(self._start_sandbox, self._discard, timers)

    def start(
        self, interpreter: str, name: str | None, timeout: int, *, network: bool = False, attached: Attached = NOTHING
    ) -> Session:
        """Start a session that ends after `timeout` seconds, whatever happens in it.

        Raises:
            ServiceError: The limit is reached, or the emulator is shutting down.
            EmulatorError: The sandbox cannot be started.
        """
        self._reserve()
        now, deadline = _now(), seconds() + timeout
        try:
            spare = self._spare(network=network) if attached == NOTHING else None
            started = spare or self._start_sandbox(network, attached)
            parts = (started.sandbox, started.folder, now, now, deadline, network)
            session = Session(_ulid(), interpreter, name, timeout, *parts)
            self._add(session)
        finally:
            with self._lock:
                self._starting -= 1
        self._spares.prepare(self._room(), network=network)
        return session

    def find(self, interpreter: str, session_id: str) -> Session:
        """Return a session of an interpreter, READY or TERMINATED, or raise ResourceNotFoundException."""
        with self._lock:
            session = self._sessions.get(session_id)
        if session is None or session.interpreter != interpreter:
            raise errors.not_found(f"Code interpreter session {session_id} not found")
        return session

    def end(self, session_id: str) -> None:
        """End a session, if there is one with this id."""
        with self._lock:
            session = self._sessions.get(session_id)
        if session:
            self.terminate(session)

    def ready(self) -> list[Session]:
        """Return the sessions that run."""
        with self._lock:
            return self._ready()

    def _ready(self) -> list[Session]:
        """The same, for who holds the lock: what follows from it must come before the next start."""
        return [session for session in self._sessions.values() if session.status == "READY"]

    def newest_first(self, interpreter: str) -> list[Session]:
        """Return all sessions of an interpreter."""
        self._forget_old()
        with self._lock:
            sessions = [session for session in self._sessions.values() if session.interpreter == interpreter]
        return sorted(sessions, key=lambda session: -session.number)

    def terminate(self, session: Session) -> bool:
        """End a session; False if it had ended before. Nothing of it runs when this returns."""
        was_running = session.status == "READY"
        with self._lock:
            first, session.terminated = not session.terminated, True
        if first:
            session.updated = _now()
            if session.end:
                self._timers.cancel(session.end)
            self._discard(session)
            _log.info("session %s terminated", session.session_id)
        return first and was_running

    def retire(self) -> bool:
        """Take no more sessions, if there is none; False leaves everything as it is."""
        with self._lock:
            if not self._starting and not self._ready():
                self._closed = True
            return self._closed

    def close(self) -> None:
        """End all sessions and wait until their folders are gone."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions.values())
        self._spares.close()
        list(self._cleaner.map(self.terminate, sessions))
        self._cleaner.shutdown()

    def _discard(self, started: Started | Session) -> None:
        started.sandbox.close()
        try:
            self._cleaner.submit(private_files.remove, started.folder)
        except RuntimeError:  # shutting down, and this session came too late for the cleaner
            private_files.remove(started.folder)

    def _room(self) -> int:
        with self._lock:
            return self._limit - self._starting - sum(not session.terminated for session in self._sessions.values())

    def _reserve(self) -> None:
        self._forget_old()
        with self._lock:
            if self._closed:
                raise errors.internal("The local emulator is shutting down")
            if len(self._ready()) + self._starting >= self._limit:
                raise errors.quota_exceeded(f"Maximum number of concurrent sessions ({self._limit}) reached")
            self._starting += 1

    def _spare(self, *, network: bool) -> Started | None:
        spare = self._spares.take(network=network)
        if spare and not spare.sandbox.is_current:
            self._discard(spare)
            return None
        return spare

    def _start_sandbox(self, network: bool, attached: Attached = NOTHING) -> Started:  # noqa: FBT001 - as spares call it
        folder = private_files.make_folder(self._folder / _ulid())
        started = Started(folder, self._make_sandbox(folder, network, attached))
        try:
            started.sandbox.start()
        except BaseException:
            self._discard(started)
            raise
        return started

    def _add(self, session: Session) -> None:
        with self._lock:
            closed = self._closed
            self._count += 1
            session.number = self._count
            self._sessions[session.session_id] = session
            session.end = self._timers.after(session.timeout, lambda: self._cleaner.submit(self.terminate, session))
        if closed:
            self.terminate(session)
            raise errors.internal("The local emulator is shutting down")
        _log.info("session %s started", session.session_id)

    def _forget_old(self) -> None:
        oldest = _now() - LISTED_FOR
        with self._lock:
            ended = [session for session in self._sessions.values() if session.terminated]
            surplus = ended[: max(0, len(ended) - LISTED_AT_MOST)]
            for session in [*surplus, *(session for session in ended if session.updated < oldest)]:
                self._sessions.pop(session.session_id, None)


def _ulid() -> str:
    """26 characters, the service's form: 48 bits of milliseconds, then 80 random ones."""
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def _now() -> datetime:
    return datetime.now(timezone.utc)
