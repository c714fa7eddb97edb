"""The pool: sessions that are started, in use, and stopped. What they work at is the mapper's business."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError, SessionOverError
from agentcore_sandbox.map.exchange import Exchange
from agentcore_sandbox.map.lanes import Finished, Lane
from agentcore_sandbox.map.pace import ClosedError, PacedInterpreter
from agentcore_sandbox.sessions.workspace import Workspace

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable

    from agentcore_sandbox.map.journal import Journal
    from agentcore_sandbox.map.options import Options

WIDTH = 1.5  # seconds, times the rate: starts and stops that are under way. AWS takes 1.4 s for a start
INVOKES_AT_ONCE = 128
_RESERVE = 30.0  # seconds before its end in which a session gets no more items
_LEAST = 0.5  # of its lifetime in which it does


@dataclass(eq=False)
class PooledSession:
    """A session of the pool.

    Attributes:
        session_id: Its id.
        exchange: With its supervisor.
        lifetime: In seconds.
        started: When it was, by the monotonic clock.
        is_new: Its supervisor is not started yet.
        is_visited: A visit is under way.
        is_stopping: It gets nothing more, and is not asked any more.
        open: Keys of its items, as far as no outcome is known.
        queued: How many of these were not started when it was last heard of.
        due: When it is visited next, at the earliest.
        heard: When it last got items, or had outcomes.
        silent: How often it was asked and had nothing new.
        troubles: How often a visit failed in a row.
        had: How many items it has had.
    """

    session_id: str
    exchange: Exchange
    lifetime: float
    started: float
    is_new: bool = True
    is_visited: bool = False
    is_stopping: bool = False
    open: dict[str, None] = field(default_factory=dict)
    queued: int = 0
    due: float = 0.0
    heard: float = 0.0
    silent: int = 0
    troubles: int = 0
    had: int = 0

    @property
    def is_asked(self) -> bool:
        """Whether it is asked right now how its items are."""
        return self.is_visited and not self.is_new

    def takes_more(self, options: Options) -> bool:
        """Whether it may get items: it is not near its end, and not used up."""
        reserve = min(max(_RESERVE, options.time_limit or 0.0), self.lifetime * _LEAST)
        is_used_up = options.fresh and self.had > 0
        return not is_used_up and time.monotonic() < self.started + self.lifetime - reserve


class Pool:
    """The sessions of a map.

    Args:
        interpreter: Where they are started.
        journal: Where each start is written down before it is asked for, and each end.
        options: How many there are, and how long they live.
        epoch: How often the map was begun or resumed.
        finished: Takes the outcomes of calls; the caller of this class passes them on.
        ready: Is called with a session that was started.
        refused: Is called with the reason why one was not.
        stopped: Is called with a session that has ended, before that is written down.
        say: Tells the user.

    Attributes:
        sessions: Those that are there.
        starting: How many are being started.
        limit: The most at a time.
        ever: How many there have been.
    """

    def __init__(
        self,
        interpreter: PacedInterpreter,
        journal: Journal,
        options: Options,
        *,
        epoch: int,
        finished: queue.Queue[Finished],
        ready: Callable[[PooledSession], None],
        refused: Callable[[AgentcoreSandboxError], None],
        stopped: Callable[[PooledSession], None],
        say: Callable[[str], None],
    ) -> None:
        self._interpreter = interpreter
        self._journal = journal
        self._options = options
        self._epoch = epoch
        self._ready = ready
        self._refused = refused
        self._ended = stopped
        self._say = say
        self._width = max(1, min(options.sessions, int(options.rate * WIDTH) + 1))
        self._starts, self._stops = Lane(self._width, finished), Lane(self._width, finished)
        self.invokes = Lane(min(options.sessions, INVOKES_AT_ONCE), finished)
        self.sessions: dict[str, PooledSession] = {}
        self.starting = 0
        self.limit = options.sessions
        self.ever = 0
        self._ended_seconds = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether no session is there or on its way."""
        return not self.sessions and not self.starting

    @property
    def may_start(self) -> bool:
        """Whether one more session may be started now; no more are asked for than the pace lets through soon."""
        return self.working < self.limit and self.starting < self._width

    @property
    def working(self) -> int:
        """How many sessions are there, or will soon be, and get items."""
        return self.starting + sum(not session.is_stopping for session in self.sessions.values())

    def session_seconds(self) -> float:
        """How long all sessions have run so far, together."""
        now = time.monotonic()
        return self._ended_seconds + sum(now - session.started for session in self.sessions.values())

    def close(self) -> None:
        """Let the threads end."""
        for lane in (self._starts, self.invokes, self._stops):
            lane.close()

    def start(self, token: str = "", *, lifetime: int | None = None, at: float | None = None) -> None:
        """Start a session; with the token of a start whose answer is not known, the one that it began.

        Args:
            token: Of that start.
            lifetime: That it asked for, in seconds.
            at: When it was sent, in seconds since the epoch.
        """
        seconds, sent = lifetime or self._options.lifetime, at or time.time()
        if not token:
            token = uuid.uuid4().hex + uuid.uuid4().hex
            self._journal.note(start=token, lifetime=seconds, at=sent)
        self.starting += 1
        name = f"agentcore-sandbox-map-{self._journal.header.map_id}"
        self._starts.call(
            lambda: self._interpreter.start(name=name, lifetime=seconds, token=token),
            lambda session_id, error: self._started(session_id, error, token, (seconds, sent)),
        )

    def _started(self, session_id: str, error: Exception | None, token: str, life: tuple[int, float]) -> None:
        self.starting -= 1
        if error is None:
            if session_id in self.sessions:
                return  # the service answers one session to two tokens
            self._journal.note(session=session_id, token=token)
            self._ready(self.add(session_id, *life))
        elif isinstance(error, AgentcoreSandboxError):
            self._refused(error)
        elif not isinstance(error, ClosedError):
            raise error

    def add(self, session_id: str, lifetime: int, at: float) -> PooledSession:
        """Take a session that runs; `at`: when it was started, in seconds since the epoch."""
        exchange = Exchange(
            # It sends as a client does, but for the pace.
            Workspace(self._interpreter, session_id),  # type: ignore[arg-type]
            self._journal.header.map_id,
            self._epoch,
            self._options.limit,
        )
        started = time.monotonic() - max(0.0, time.time() - at)
        session = PooledSession(session_id, exchange, lifetime, started)
        self.sessions[session_id] = session
        self.ever += 1
        return session

    def stop(self, session: PooledSession) -> None:
        """Stop a session."""
        session.is_stopping = True
        self._stops.call(
            lambda: self._interpreter.stop(session.session_id), lambda _, error: self._stopped(session, error)
        )

    def _stopped(self, session: PooledSession, error: Exception | None) -> None:
        if error is not None and not isinstance(error, AgentcoreSandboxError):
            raise error
        is_over = error is None or isinstance(error, SessionOverError)
        if not is_over:
            self._say(f"session {session.session_id} was not stopped and runs until its lifetime ends: {error}")
        try:
            self._ended(session)
        finally:  # also where the journal cannot be written any more
            self.forget(session, is_over=is_over)

    def forget(self, session: PooledSession, *, is_over: bool = True) -> None:
        """A session has ended, or with `is_over=False` is left to whoever resumes the map."""
        self._ended_seconds += time.monotonic() - session.started
        self.sessions.pop(session.session_id, None)
        if is_over:
            self._journal.note(over=session.session_id)
