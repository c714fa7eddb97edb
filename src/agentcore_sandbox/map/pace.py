"""The pace of requests: so many a second of each operation, fewer after the service has throttled one."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_sandbox.aws.errors import MAY_HAVE_RUN
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.map.options import RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agentcore_sandbox.activity.sessions import Place
    from agentcore_sandbox.aws.event_stream import Result
    from agentcore_sandbox.aws.session_client import SessionClient

START, INVOKE, STOP = "start", "invoke", "stop"
ATTEMPTS = {START: 8, INVOKE: 8, STOP: 5}
_SLOWER = 0.7  # times as many requests, once for all that are throttled within a second
_SLOWEST = 0.5  # requests a second
_RECOVERY = 0.01  # of the rate, with each request that is answered
_PAUSE, _LONGEST_PAUSE = 0.25, 8.0  # seconds

T = TypeVar("T")


class ClosedError(Exception):
    """Nothing is sent any more."""


class TokenBucket:
    """One token a request, and `rate` of them a second. Those who ask are let through in turn, at even distances."""

    def __init__(self, rate: float) -> None:
        self._full = self._rate = rate
        self._next = self._slowed = 0.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Requests a second, at present."""
        return self._rate

    def delay(self) -> float:
        """Take a token; returns the seconds after which it counts."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next, now)
            self._next = at + 1 / self._rate
            return at - now

    def answered(self) -> None:
        """A request was not throttled."""
        with self._lock:
            self._rate = min(self._full, self._rate + self._full * _RECOVERY)

    def throttled(self) -> None:
        """A request was throttled."""
        with self._lock:
            now = time.monotonic()
            if now - self._slowed > 1:
                self._slowed = now
                self._rate = max(min(_SLOWEST, self._full), self._rate * _SLOWER)


class PacedInterpreter:
    """A client of an interpreter that sends requests in pace. What cannot have had an effect is sent again.

    Args:
        interpreter: The client, which repeats nothing by itself.
        rate: Requests a second of each operation.

    Attributes:
        sent: How many requests of each operation were sent.
        unsure: Sessions of which an answer was lost: what they were asked to do may be done.
    """

    def __init__(self, interpreter: SessionClient, rate: float = RATE) -> None:
        self._interpreter = interpreter
        self._buckets = {operation: TokenBucket(rate) for operation in ATTEMPTS}
        self._closed = threading.Event()
        self.sent = dict.fromkeys(ATTEMPTS, 0)
        self.unsure: set[str] = set()

    @property
    def region(self) -> str:
        """The region that requests go to."""
        return self._interpreter.region

    def place(self) -> Place:
        """Where its sessions are."""
        return self._interpreter.place()

    def close(self) -> None:
        """Start and invoke nothing any more."""
        self._closed.set()

    def start(self, *, name: str, lifetime: int, token: str) -> str:
        """Start a session; with the same token it is the same one, so that a lost answer is no second session."""
        return self._repeat(
            START,
            lambda: self._interpreter.start(name=name, lifetime=lifetime, token=token),
            lambda error: error.retryable,
        )

    def adopt(self, session_id: str, lifetime: int, at: float) -> None:
        """Let a session that a killed process has started, at a time in seconds since the epoch, end with this one."""
        left = int(at + lifetime - time.time())
        if left > 0:
            self._interpreter.own.note_start(session_id, left, stays=False)

    def stop(self, session_id: str) -> None:
        """Stop a session."""
        self._repeat(STOP, lambda: self._interpreter.stop(session_id), lambda error: error.retryable)

    def invoke(
        self,
        session_id: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        seconds: float | None = None,
        if_lost: str = MAY_HAVE_RUN,
    ) -> Iterator[Result]:
        """As `SessionClient.invoke`; a request whose answer is lost is not sent again."""

        def call() -> list[Result]:
            answers = self._interpreter.invoke(session_id, tool, arguments, seconds=seconds, if_lost=if_lost)
            try:
                return list(answers)
            except AgentcoreSandboxError as error:
                if error.may_have_run:
                    self.unsure.add(session_id)
                raise

        yield from self._repeat(INVOKE, call, lambda error: error.retryable and not error.may_have_run)

    def _repeat(
        self, operation: str, call: Callable[[], T], is_transient: Callable[[AgentcoreSandboxError], bool]
    ) -> T:
        bucket = self._buckets[operation]
        for attempt in range(ATTEMPTS[operation]):
            self._wait(operation, bucket.delay())
            self.sent[operation] += 1
            try:
                answer = call()
            except AgentcoreSandboxError as error:
                if error.code == "Throttled":
                    bucket.throttled()
                if not is_transient(error) or attempt + 1 == ATTEMPTS[operation]:
                    raise
            else:
                bucket.answered()
                return answer
            pause = min(_PAUSE * 2**attempt, _LONGEST_PAUSE)
            self._wait(operation, pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
        raise AssertionError

    def _wait(self, operation: str, seconds: float) -> None:
        if operation == STOP:
            time.sleep(seconds)
        elif self._closed.wait(seconds):
            raise ClosedError
