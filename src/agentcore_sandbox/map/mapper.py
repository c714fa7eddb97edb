"""The loop over a map: one thread owns all of its state, and decides; the threads of the lanes only carry requests."""

from __future__ import annotations

import queue
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, SessionOverError
from agentcore_sandbox.map import batches, settling, visits
from agentcore_sandbox.map.ledger import Ledger, index_of
from agentcore_sandbox.map.options import NOW, SOON
from agentcore_sandbox.map.pace import ClosedError, PacedInterpreter
from agentcore_sandbox.map.pool import Pool, PooledSession
from agentcore_sandbox.map.records import SKIPPED, Record
from agentcore_sandbox.map.sizes import Sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentcore_sandbox.map.exchange import Answer, Outcome
    from agentcore_sandbox.map.journal import Journal
    from agentcore_sandbox.map.lanes import Finished
    from agentcore_sandbox.map.visits import Recipe, Visit

TICK_SECONDS = 0.05
_MOST_OUTCOMES = 8  # of calls that wait to be dealt with, each with the output of a batch
_MOST_TROUBLES = 3
_NEARLY = 0.9  # of --max-cost
_MOST_RESERVE = 3  # sessions that stay for what others may give back
_SCOUTS = 4  # sessions that are asked while it is not known how long items take
_EVERYTHING = 1_000_000
_PAUSING = {"ExpiredCredentials", "NoCredentials", "InvalidCredentials", "SsoSessionExpired", "AccessDenied"}
"""Codes of errors after which nothing works, not even to stop a session."""


class Mapper:
    """Runs a map to its end.

    Args:
        recipe: What each item gets.
        journal: Of the map, open.
        ledger: The state of its items.
        interpreter: Where sessions are started.
        advance: Is called whenever something may have changed; prints results and progress.
        asked_to_stop: Says whether the user wants an end: `SOON`, `NOW` or empty.
        say: Tells the user.
    """

    def __init__(
        self,
        recipe: Recipe,
        journal: Journal,
        ledger: Ledger,
        interpreter: PacedInterpreter,
        *,
        advance: Callable[[], None],
        asked_to_stop: Callable[[], str],
        say: Callable[[str], None],
    ) -> None:
        self._recipe = recipe
        self._options = recipe.options
        self._journal = journal
        self._ledger = ledger
        self._interpreter = interpreter
        self._advance = advance
        self._asked_to_stop = asked_to_stop
        self._say = say
        self._finished: queue.Queue[Finished] = queue.Queue(_MOST_OUTCOMES)
        self.pool = Pool(
            interpreter,
            journal,
            recipe.options,
            epoch=ledger.epoch,
            finished=self._finished,
            ready=self._ready,
            refused=self._refused,
            stopped=self._stopped,
            say=say,
        )
        self._sizes = Sizes(recipe.options.at_once, recipe.options.rate)
        self._settler = settling.Settler(journal.items, ledger, recipe.options)
        self._sessions = 1
        self._asking = 0
        self._ending = ""
        self._failure: AgentcoreSandboxError | None = None

    @property
    def cost(self) -> float:
        """US dollars for all sessions so far, at most."""
        return self.pool.session_seconds() * self._options.prices.session_second

    def run(self) -> None:
        """Run until every item has a record, or the map is ended early; no session is left.

        Raises:
            AgentcoreSandboxError: Nothing works any more. The map can be resumed.
        """
        self._ledger.begin()
        self._adopt()
        try:
            while not (self.pool.is_empty and (self._ending or not self._ledger.left)):
                self._look_around()
                self._work()
                self._advance()
                self._take()
        except BaseException:
            self._end(NOW)
            self._drain()
            raise
        self._finish_skipped()
        self._advance()
        if self._failure:
            raise self._failure

    def _adopt(self) -> None:
        """Go on with what an earlier process had begun."""
        past = self._ledger.past
        for session_id, (lifetime, at, keys) in past.sessions.items():
            self._interpreter.adopt(session_id, lifetime, at)
            session = self.pool.add(session_id, lifetime, at)
            session.open = dict.fromkeys(key for key in keys if not self._ledger.is_finished(index_of(key)))
            session.is_new, session.had = not keys, len(keys)
        for token, (lifetime, at) in past.starts.items():
            self.pool.start(token, lifetime=lifetime, at=at)

    def _drain(self) -> None:
        """After a failure of our own, such as a full disk, wait until the sessions are stopped."""
        while not self.pool.is_empty:
            with suppress(OSError):
                self._work()
                self._take()

    def _take(self) -> None:
        """Deal with the calls that have ended, or wait a little for one."""
        try:
            ended = self._finished.get(timeout=TICK_SECONDS)
            while True:
                ended.then(ended.value, ended.error)
                ended = self._finished.get_nowait()
        except queue.Empty:
            return

    def _look_around(self) -> None:
        """Find reasons to end."""
        if asked := self._asked_to_stop():
            self._end(asked)
        halt = self._options.halt
        if halt and halt.is_reached(self._ledger.failures, len(self._journal.items)):
            self._end(halt.how, f"{self._ledger.failures} items have failed or are unknown (--halt)")
        if self._options.max_cost is not None and self.cost >= _NEARLY * self._options.max_cost:
            is_over = self.cost >= self._options.max_cost
            self._end(NOW if is_over else SOON, f"the sessions may have cost ${self.cost:.2f} (--max-cost)")

    def _end(self, how: str, why: str = "") -> None:
        if self._ending in (how, NOW):
            return
        if why:
            self._say(f"{why}: {'nothing new is started' if how == SOON else 'all sessions are stopped'}")
        self._ending = how
        if how == NOW:
            self._interpreter.close()
            for then in self.pool.invokes.clear():
                then(None, ClosedError())

    def _work(self) -> None:
        """Start, visit and stop sessions."""
        if self._ending == NOW:
            for session in [session for session in self.pool.sessions.values() if not session.is_stopping]:
                self.pool.stop(session)
        self._sessions = max(1, self.pool.working)
        self._asking = sum(session.is_asked for session in self.pool.sessions.values())
        resting = self._resting()
        idle = [session for session in resting if not session.open and not self._ending]
        reserve = self._reserve(idle)
        for session in resting:
            recall = self._recall(session, has_idle=bool(idle))
            if recall or self._is_due(session):
                self._visit(session, recall=recall)
            elif not session.open and session not in reserve:
                self.pool.stop(session)
        if not self._ending:
            self._start_sessions()  # for what those that are there have not taken

    def _resting(self) -> list[PooledSession]:
        """Sessions that nothing is under way for."""
        return [
            session for session in self.pool.sessions.values() if not session.is_visited and not session.is_stopping
        ]

    def _start_sessions(self) -> None:
        """Start as many as there are items for, unless those that are there will soon have done all."""
        pool, ledger = self.pool, self._ledger
        while pool.may_start and ledger.waiting > pool.starting * self._options.at_once:
            if not self._options.fresh and not self._sizes.is_worth_a_session(ledger.left, pool.working):
                return
            pool.start()

    def _is_due(self, session: PooledSession) -> bool:
        if not session.open:
            return self._size(session) > 0
        if self._sizes.seconds is None and not session.is_new and self._asking >= _SCOUTS:
            return False  # it is not known how long items take: one or two will soon tell
        expected = session.heard + self._sizes.expected(len(session.open), self._sessions)
        return time.monotonic() >= max(session.due, expected)

    def _recall(self, session: PooledSession, *, has_idle: bool) -> int:
        """How many of a session's items others shall have."""
        if self._ending == SOON:
            return _EVERYTHING if session.queued else 0
        if has_idle and not self._ledger.waiting and self._is_behind(session):
            return (session.queued + 1) // 2
        return 0

    def _is_behind(self, session: PooledSession) -> bool:
        """Whether a session will still have items that it has not begun when another could have begun them."""
        silent = time.monotonic() - session.heard  # what has taken so long may take as long again
        left = max(self._sizes.remaining(len(session.open)) - silent, silent)
        return session.queued > 0 and self._sizes.is_worth_moving(left, self._sessions)

    def _reserve(self, idle: Sequence[PooledSession]) -> Sequence[PooledSession]:
        """Sessions without items that may get some: of what waits, or of what others may have to give back."""
        usable = [session for session in idle if session.takes_more(self._options)]
        if self._ledger.waiting:
            return usable
        queued = sum(session.queued for session in self.pool.sessions.values())
        return usable[: min(_MOST_RESERVE, queued)]

    def _size(self, session: PooledSession) -> int:
        """How many items a session gets."""
        if self._ending or not session.takes_more(self._options):
            return 0
        if self._options.fresh:
            return min(1, self._ledger.waiting)
        opened = self._sizes.likely_open(len(session.open), time.monotonic() - session.heard)
        return self._sizes.size(opened, self._ledger.waiting, self._ledger.left, self._sessions)

    def _visit(self, session: PooledSession, *, recall: int) -> None:
        before = list(session.open)
        batch = batches.take(self._ledger, self._journal.items, 0 if recall else self._size(session))
        self._finish(batch.too_large)
        if not before and not batch.chosen:
            return
        keys = self._ledger.send(session.session_id, list(batch.chosen)) if batch.chosen else []
        session.open.update(dict.fromkeys(keys))
        session.had += len(keys)
        session.is_visited = True
        self._asking += not session.is_new
        visit = visits.Visit(
            self._recipe,
            session.exchange,
            session.is_new,
            before,
            batch.given(keys, files=self._recipe.files),
            batch.files(keys) if self._recipe.files else {},
            recall=recall,
            wait=0.0 if recall else self._sizes.wait(self._sessions),
            enough=1 if self._sizes.seconds is None else len(before) or None,
            replaces=self._ledger.epoch > 1,
        )
        self.pool.invokes.call(visit.run, lambda answer, error: self._visited(session, visit, answer, error))

    def _visited(self, session: PooledSession, visit: Visit, answer: Answer | None, error: Exception | None) -> None:
        session.is_visited = False
        if answer is not None:
            session.is_new, session.troubles = False, 0
            self._deal_with(session, visit, answer)
            return
        if isinstance(error, ClosedError) or session.is_stopping:
            if not visit.sent:
                self._take_back(session, [key for key, _ in visit.given])
            return
        if not isinstance(error, AgentcoreSandboxError):
            raise error or AssertionError
        self._failed(session, visit, error)

    def _failed(self, session: PooledSession, visit: Visit, error: AgentcoreSandboxError) -> None:
        is_gone = isinstance(error, SessionOverError)
        is_sure = isinstance(error, SessionGoneError) and not error.may_have_run
        if not visit.sent or (is_sure and session.session_id not in self._interpreter.unsure):
            self._take_back(session, [key for key, _ in visit.given])
        session.is_new = session.is_new and not visit.sent
        if error.code in _PAUSING or (not visit.sent and not error.retryable and not is_gone):
            self._pause(error)
            return
        session.troubles += 1
        if error.retryable and session.troubles < _MOST_TROUBLES:
            session.due = time.monotonic() + 1
            return
        self._lose(session, error.message, is_over=is_gone)

    def _deal_with(self, session: PooledSession, visit: Visit, answer: Answer) -> None:
        session.queued = answer.waiting
        ended = [outcome for outcome in answer.outcomes if not outcome.returned and outcome.key in session.open]
        self._take_back(session, [outcome.key for outcome in answer.outcomes if outcome.returned])
        self._take_back(session, answer.missing)
        self._settle(session, visit, ended)
        if session.is_stopping:
            return
        if not answer.alive and not answer.more:
            self._lose(session, "its supervisor in the session has ended", is_over=False)
            return
        session.silent = 0 if answer.outcomes or visit.is_first else session.silent + 1
        pause = self._sizes.pause(self._sessions, 0 if answer.more else session.silent)
        session.due = time.monotonic() + pause
        if answer.outcomes or visit.given:
            session.heard = time.monotonic()

    def _take_back(self, session: PooledSession, keys: Sequence[str]) -> None:
        """Let items wait again that a session has had and has not begun."""
        mine = [key for key in keys if key in session.open]
        for key in mine:
            del session.open[key]
        self._ledger.again(mine)

    def _settle(self, session: PooledSession, visit: Visit, outcomes: Sequence[Outcome]) -> None:
        """Make records of outcomes, or try again what has failed."""
        records = []
        for outcome in outcomes:
            session.open.pop(outcome.key)
            self._sizes.learn(outcome.seconds)
            record = self._settler.ended(session.session_id, visit, outcome)
            if self._settler.may_retry(record) and not self._ending:
                self._ledger.again([outcome.key], settling.reason(record))
            else:
                records.append(record)
        for key in [key for key in visit.failures if key in session.open]:  # its file could not be sent
            del session.open[key]
            records.append(self._settler.failed(session.session_id, key, visit.failures[key]))
        self._finish(records)

    def _finish(self, records: Sequence[Record]) -> None:
        if records:
            self._ledger.finish(records)

    def _lose(self, session: PooledSession, why: str, *, is_over: bool) -> None:
        """Give a session up."""
        self._settle_lost(session, why)
        if is_over:
            self.pool.forget(session)
        else:
            self.pool.stop(session)

    def _stopped(self, session: PooledSession) -> None:
        self._settle_lost(session, "the map was ended while it ran")

    def _settle_lost(self, session: PooledSession, why: str) -> None:
        """The items of a session may have run, and nobody knows."""
        keys = list(session.open)
        session.open.clear()
        if self._options.retry_unknown and not self._ending:
            for key in keys:
                self._ledger.again([key], f"it may have run: {why}")
        else:
            self._finish([self._settler.unknown(session.session_id, key, why) for key in keys])

    def _pause(self, error: AgentcoreSandboxError) -> None:
        """End with everything as it is: what the sessions have done is asked for when the map is resumed."""
        self._failure = self._failure or error
        self._end(NOW)
        if error.code in _PAUSING:
            for session in list(self.pool.sessions.values()):
                self.pool.forget(session, is_over=False)

    def _ready(self, session: PooledSession) -> None:
        session.due = time.monotonic()

    def _refused(self, error: AgentcoreSandboxError) -> None:
        """A session was not started: go on with those that there are."""
        if error.code in _PAUSING or self.pool.is_empty:
            self._pause(error)
        elif not self._ending and self.pool.limit > self.pool.working:
            if self.pool.limit == self._options.sessions:
                self._say(f"going on with {self.pool.working} sessions: {error.message}")
            self.pool.limit = max(1, self.pool.working)

    def _finish_skipped(self) -> None:
        """Record what was not started, in parts, for there may be many."""
        while self._ledger.waiting:
            count = min(1000, self._ledger.waiting)
            indexes = [self._ledger.take() for _ in range(count)]
            self._finish([Record(index, self._journal.items[index], SKIPPED) for index in indexes])
