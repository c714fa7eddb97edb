"""Sessions: lifetimes, limits, and the end of it all."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.service import sessions as sessions_module
from agentcore_emulator.service.errors import ServiceError
from agentcore_emulator.service.sessions import Session, Sessions
from agentcore_emulator.service.timers import Timers
from support.processes import eventually
from support.service import LONG, SteeredSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Watched(SteeredSandbox):
    """Tells when it is closed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.closed = threading.Event()

    def close(self) -> None:
        super().close()
        self.closed.set()


@contextmanager
def registry(folder: Path, limit: int = 100) -> Iterator[tuple[Sessions, list[Watched]]]:
    made: list[Watched] = []

    def make(path: Path, *_kind: object) -> Watched:
        made.append(Watched(path))
        return made[-1]

    timers = Timers()
    sessions = Sessions(folder, make, timers, limit)
    try:
        yield sessions, made
    finally:
        sessions.close()
        timers.close()


@pytest.mark.aws("documented", "Sessions", "`sessionTimeoutSeconds` is an absolute lifetime")
def test_a_session_ends_at_its_lifetime_whatever_it_does(tmp_path: Path) -> None:
    with registry(tmp_path) as (sessions, made):
        session = sessions.start("local", None, 1)
        assert session.status == "READY"
        assert made[0].closed.wait(LONG)
        assert session.status == "TERMINATED"
        assert session.updated - session.created >= timedelta(seconds=1)


@pytest.mark.aws("recorded", "Sessions", "Session ids are ULIDs")
def test_ids_are_unique_and_rise_with_time(tmp_path: Path) -> None:
    with registry(tmp_path) as (sessions, _):
        ids = [sessions.start("local", None, 100).session_id for _ in range(20)]
    assert len(set(ids)) == 20
    assert [name[:10] for name in ids] == sorted(name[:10] for name in ids)
    assert set("".join(ids)) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_the_limit_holds_also_for_starts_at_once(tmp_path: Path) -> None:
    with registry(tmp_path, limit=3) as (sessions, _), ThreadPoolExecutor(10) as pool:
        starts = [pool.submit(sessions.start, "local", None, 100) for _ in range(10)]
        failures = [failure for start in starts if (failure := start.exception(LONG))]
        assert len(failures) == 7
        assert {failure.code for failure in failures if isinstance(failure, ServiceError)} == {
            "ServiceQuotaExceededException"
        }
        sessions.terminate(sessions.ready()[0])
        assert sessions.start("local", None, 100).status == "READY"


def test_a_sandbox_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    def make(path: Path, *_kind: object) -> SteeredSandbox:
        return SteeredSandbox(path, EmulatorError("LocalSandboxStart", "no"))

    timers = Timers()
    sessions = Sessions(tmp_path, make, timers)
    with pytest.raises(EmulatorError, match="no"):
        sessions.start("local", None, 100)
    assert sessions.newest_first("local") == []
    assert sessions.retire()
    sessions.close()
    timers.close()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_session_goes_with_it(tmp_path: Path) -> None:
    with registry(tmp_path) as (sessions, made):
        sessions.start("local", None, 100)
        (made[0].folder / "file").write_text("x")
    assert made[0].closed.is_set()
    assert list(tmp_path.iterdir()) == []


def test_only_one_of_many_stops_ends_a_session(tmp_path: Path) -> None:
    with registry(tmp_path) as (sessions, _), ThreadPoolExecutor(8) as pool:
        session = sessions.start("local", None, 100)
        assert sum(pool.map(sessions.terminate, [session] * 8)) == 1


def test_retiring_needs_an_end_of_all_sessions_and_is_final(tmp_path: Path) -> None:
    with registry(tmp_path) as (sessions, _):
        session = sessions.start("local", None, 100)
        assert not sessions.retire()
        sessions.terminate(session)
        assert sessions.retire()
        with pytest.raises(ServiceError, match="shutting down"):
            sessions.start("local", None, 100)


def test_no_session_starts_between_the_look_for_one_and_the_end(tmp_path: Path) -> None:
    class Dead(Watched):
        """Somebody wants a session just as this one is looked at."""

        @property
        def alive(self) -> bool:
            late.append(pool.submit(sessions.start, "local", None, 100))
            wait(late, 0.2)  # where nothing holds it back, it has started by then
            return False

    late: list[Future[Session]] = []
    with registry(tmp_path) as (sessions, made), ThreadPoolExecutor(8) as pool:
        sessions.start("local", None, 100)
        made[0].__class__ = Dead
        assert sessions.retire()
        made[0].__class__ = Watched
        made[0].running = False
        assert isinstance(late[0].exception(LONG), ServiceError)
        assert sessions.ready() == []


def test_a_session_that_starts_while_all_end_is_ended_too(tmp_path: Path) -> None:
    starting, go = threading.Event(), threading.Event()

    class Slow(SteeredSandbox):
        def start(self) -> None:
            starting.set()
            assert go.wait(LONG)
            super().start()

    slow = Slow(tmp_path)
    timers = Timers()
    sessions = Sessions(tmp_path, lambda *_: slow, timers)
    with ThreadPoolExecutor(1) as pool:
        start = pool.submit(sessions.start, "local", None, 100)
        assert starting.wait(LONG)
        assert not sessions.retire()
        sessions.close()
        go.set()
        assert isinstance(start.exception(LONG), ServiceError)
    timers.close()
    assert not slow.alive


def test_a_series_of_sessions_has_spares_within_the_limit(tmp_path: Path) -> None:
    with registry(tmp_path, limit=4) as (sessions, made):
        started = [sessions.start("local", None, 100) for _ in range(3)]
        eventually(lambda: len(made) == 4 and made[3].running)
        spare = next(one for one in made if one not in [session.sandbox for session in started])
        spare.running = False  # or another Node has been installed: it is not what would be started now
        last = sessions.start("local", None, 100)
        assert last.sandbox is made[4]
        assert spare.closed.wait(LONG)
        assert len({id(session.sandbox) for session in [*started, last]}) == 4
        with pytest.raises(ServiceError, match="Maximum"):
            sessions.start("local", None, 100)
    assert not any(one.running for one in made)
    assert not any(tmp_path.iterdir())


def test_starts_at_once_leave_no_spares_above_the_limit(tmp_path: Path) -> None:
    with registry(tmp_path, limit=20) as (sessions, made), ThreadPoolExecutor(20) as pool:
        started = list(pool.map(lambda _: sessions.start("local", None, 100), range(20)))
        eventually(lambda: sum(one.running for one in made) == 20)
        assert len({id(session.sandbox) for session in started}) == 20


@pytest.mark.aws("documented", "Sessions", "Ended sessions stay listable for 30 days")
@pytest.mark.aws("assumed", "Sessions", "Only the newest 2,000 ended sessions are listed, while the emulator runs")
def test_old_and_surplus_sessions_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "LISTED_AT_MOST", 2)
    with registry(tmp_path) as (sessions, _):
        kept = sessions.start("local", None, 100)
        ended = [sessions.start("local", None, 100) for _ in range(4)]
        for session in ended:
            sessions.terminate(session)
        assert sessions.newest_first("local") == [ended[3], ended[2], kept]
        ended[3].updated -= timedelta(days=31)
        assert sessions.newest_first("local") == [ended[2], kept]
        with pytest.raises(ServiceError, match="not found"):
            sessions.find("local", ended[3].session_id)
