"""The sessions that this user's command line has started: where, when, by which command, and whether they were stopped.

Entries of the log are a `start`, a `stop`, or a `told`, after which nobody mentions a session again that a killed
command has left.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox import activity
from agentcore_sandbox.activity import owner
from agentcore_sandbox.api import MAX_LIFETIME
from agentcore_sandbox.cli.terminal_text import plain
from agentcore_sandbox.cli.units import duration
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.state.log import Log, decoded_entry
from agentcore_sandbox.threads import in_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_MOST_ASKED = 16
_MOST_NAMED = 5
START, STOP, TOLD = "start", "stop", "told"


class Place(NamedTuple):
    """Where sessions are.

    Attributes:
        interpreter: Its id.
        region: Of AWS.
        endpoint: Its URL; empty for AWS's, or the emulator's own.
        account: Of AWS; empty where credentials do not name it, which then may be any.
    """

    interpreter: str
    region: str
    endpoint: str
    account: str

    def has(self, session: StartedSession) -> bool:
        """Whether a session is here, as far as is known."""
        is_same_account = not self.account or session.account in ("", self.account)
        place = (session.interpreter, session.region, session.endpoint)
        return is_same_account and place == (self.interpreter, self.region, self.endpoint)


class StartedSession(NamedTuple):
    """A session that was started here.

    Attributes:
        session: Its id.
        at: When, in seconds since the epoch.
        lifetime: In seconds.
        command: What has started it, such as `run`.
        folder: The working directory of that.
        owner: The process that it ends with; empty for one that stays.
        told: It has been mentioned that its owner was killed.
        interpreter: As of a `Place`, and so are the others.
    """

    session: str
    at: float
    lifetime: int
    command: str
    folder: str
    owner: str
    interpreter: str
    region: str
    endpoint: str
    account: str
    told: bool = False

    @property
    def may_live(self) -> bool:
        """Whether its lifetime is not over."""
        return time.time() < self.at + self.lifetime


def _lasting(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"event": START, **session._asdict()} for session in _running(entries).values()]


LOG = Log("sessions.jsonl", 1 << 20, _lasting)


class StartedSessions:
    """The sessions in one place that this user's command line has started.

    Args:
        place: Finds out where, which is only done when there is something to write down.
    """

    def __init__(self, place: Callable[[], Place]) -> None:
        self._place = place

    def note_start(self, session_id: str, lifetime: int, *, stays: bool) -> None:
        """Write down a session that was just started; unless it `stays`, it shall end with this process."""
        key = "" if stays else _owned(session_id)
        place = self._place()
        session = StartedSession(session_id, time.time(), lifetime, activity.command, _folder(), key, *place)
        LOG.note({"event": START, **session._asdict()})

    def note_end(self, session_id: str) -> None:
        """Write down that a session was stopped, or found to have ended."""
        LOG.note({"event": STOP, "session": session_id, "at": time.time()})
        owner.this_process.give_up(session_id)

    def mine(self) -> list[StartedSession]:
        """Those that may be running, the oldest first.

        Raises:
            OSError: What is written down cannot be read.
            AgentcoreSandboxError: There is no state folder, or an unsafe one.
        """
        place = self._place()
        return [session for session in _recent() if place.has(session)]

    def tell_orphans(self, is_ready: Callable[[str], bool], status: int) -> list[str]:
        """The sentence about sessions that killed commands have left, once about each; nothing after a failure.

        Args:
            is_ready: Asks the service whether a session, by its id, still runs.
            status: Of the command that ends.
        """
        orphans = self._orphans() if status == 0 else []
        for orphan in orphans:
            LOG.note({"event": TOLD, "session": orphan.session, "at": time.time()})
        running = in_parallel(lambda orphan: _runs(orphan, is_ready), orphans[:_MOST_ASKED])
        left = [orphan for orphan, runs in zip(orphans, [*running, *[True] * len(orphans)], strict=False) if runs]
        return [_about(left)] if left else []

    def _orphans(self) -> list[StartedSession]:
        """Those whose owner was killed, and that nobody has mentioned yet."""
        try:
            dead = owner.dead()  # mostly nobody: then nothing has to be read
            left = [session for session in _recent() if session.owner in dead and not session.told] if dead else []
            owner.forget(dead - {session.owner for session in left})
        except (AgentcoreSandboxError, OSError):
            return []
        place = self._place()
        return [session for session in left if place.has(session)]


class PastSession(NamedTuple):
    """A session that has ended, or still runs; `end`: seconds since the epoch, those of now for one that may run."""

    started: StartedSession
    end: float


def ever() -> list[PastSession]:
    """All sessions, of all places, that are still written down.

    Raises:
        OSError: They cannot be read.
        AgentcoreSandboxError: There is no state folder, or an unsafe one.
    """
    entries, now = LOG.entries(older=True), time.time()
    started: dict[str, StartedSession] = {}
    for session in filter(None, map(read, entries)):
        started.setdefault(session.session, session)  # another process may have taken it over since
    stopped = {str(entry.get("session")): _time(entry) for entry in entries if entry.get("event") == STOP}
    return [
        PastSession(session, min(now, session.at + session.lifetime, stopped.get(session.session, now)))
        for session in started.values()
    ]


def _time(entry: Mapping[str, Any]) -> float:
    at = entry.get("at")
    return at if isinstance(at, (int, float)) else time.time()


def _runs(orphan: StartedSession, is_ready: Callable[[str], bool]) -> bool:
    try:
        return is_ready(orphan.session)
    except AgentcoreSandboxError:
        return True  # as far as is known


def _about(orphans: Sequence[StartedSession]) -> str:
    first, count = orphans[0], len(orphans)
    where = f" in {plain(first.folder)}" if first.folder else ""
    left = max(orphan.at + orphan.lifetime for orphan in orphans) - time.time()
    ids = " ".join(orphan.session for orphan in orphans)
    ends = f"agentcore-sandbox stop {ids}" if count <= _MOST_NAMED else "agentcore-sandbox stop --mine, with all yours,"
    which, them = (f"session {first.session} was", "it") if count == 1 else (f"{count} sessions were", "them")
    killed = f"left by a `{first.command}`{where} that was killed, for up to {duration(left)} more"
    return f"{which} {killed}: {ends} ends {them}"


def _owned(session_id: str) -> str:
    try:
        return owner.this_process.take(session_id)
    except (AgentcoreSandboxError, OSError):
        return ""  # the log cannot be written either, which is told then


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return ""


def read(entry: Mapping[str, Any]) -> StartedSession | None:
    """The session of a `start`; None for another entry, or a damaged one."""
    return decoded_entry(StartedSession, entry) if entry.get("event") == START else None


def _recent() -> Iterable[StartedSession]:
    return _running(LOG.entries(since=time.time() - MAX_LIFETIME)).values()


def _running(entries: Sequence[Mapping[str, Any]]) -> dict[str, StartedSession]:
    """Session id -> those that were not stopped and whose lifetime is not over."""
    stopped, told = (
        {str(entry.get("session")) for entry in entries if entry.get("event") == event} for event in (STOP, TOLD)
    )
    started = (read(entry) for entry in entries if str(entry.get("session")) not in stopped)
    return {
        session.session: session._replace(told=session.told or session.session in told)
        for session in started
        if session and session.may_live
    }
