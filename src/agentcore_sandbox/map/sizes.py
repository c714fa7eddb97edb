"""Sizes of batches, and when a session is asked for its items. Numbers only."""

from __future__ import annotations

import math

HORIZON = 2.0
"""Seconds for which a session gets work, unless it cannot be asked again so soon."""
LONGEST_WAIT = 4.0
"""Seconds that an invoke waits in a session for its items to end."""
_BLINDLY = 4  # items for each that runs at a time, before it is known how long they take
_LEAD = 1.0  # seconds before a session's items are expected to end: so much earlier it is asked
_LONGEST_PAUSE = 3.0  # seconds, where there are few sessions: results are wanted soon
_START_SECONDS = 1.5  # until a session that is asked for is there: docs/service.md, Sessions
_SHARE = 0.7  # of the invokes a second that go to asking for results
_WEIGHT = 0.2  # of the newest item in the mean
_SHORTEST = 0.001  # seconds


class Sizes:
    """How many items a session gets at a time, which follows how long they take.

    Args:
        parallel: Items at a time in a session.
        rate: Invokes a second.
    """

    def __init__(self, parallel: int, rate: float) -> None:
        self._parallel = parallel
        self._rate = rate * _SHARE
        self.seconds: float | None = None

    def learn(self, seconds: float) -> None:
        """Take how long an item took."""
        known = max(seconds, _SHORTEST)
        self.seconds = known if self.seconds is None else self.seconds + _WEIGHT * (known - self.seconds)

    def size(self, opened: int, waiting: int, left: int, sessions: int) -> int:
        """How many more items a session gets.

        Args:
            opened: Those that it has.
            waiting: Those that no session has.
            left: Those that have not ended.
            sessions: How many sessions share them.
        """
        if self.seconds is None:
            wanted = min(self._parallel * _BLINDLY, math.ceil(left / sessions))
        else:
            horizon = max(HORIZON, 2 * self.interval(sessions))
            in_time = self._parallel + math.ceil(self._parallel * horizon / self.seconds)  # what runs, and what follows
            wanted = min(in_time, max(math.ceil(left / sessions), self._worth_a_request(waiting)))
        more = max(0, min(max(wanted, self._parallel) - opened, waiting))
        is_little = opened >= self._parallel and more < min(waiting, self._worth_a_request(waiting) / 2)
        return 0 if is_little else more

    def _worth_a_request(self, waiting: int) -> int:
        """The size at which it takes as long to hand out all that waits as the last batch takes; 0 if not known."""
        return math.ceil(math.sqrt(waiting * self._parallel / (self._rate * (self.seconds or math.inf))))

    def likely_open(self, opened: int, seconds: float) -> int:
        """How many of a session's items have not ended after some seconds, as far as can be guessed."""
        return opened if self.seconds is None else max(0, opened - int(seconds * self._parallel / self.seconds))

    def is_worth_a_session(self, left: int, sessions: int) -> bool:
        """Whether items that are left would sooner be done with one session more.

        It saves 1/n² of the work, if there are n; but it takes a start, and all that come after it start later.
        """
        if self.seconds is None or not sessions:
            return True
        work = left * self.seconds / self._parallel
        return work / sessions > _START_SECONDS and work / sessions**2 > _SHARE / self._rate

    def is_worth_moving(self, seconds: float, sessions: int) -> bool:
        """Whether a session that has so much to do shall give some of it to another, for which both must be asked."""
        return seconds > max(HORIZON, 2 * self.interval(sessions))

    def interval(self, sessions: int) -> float:
        """Seconds after which each of some sessions can be asked again."""
        return sessions / self._rate

    def remaining(self, opened: int) -> float:
        """Seconds that a session with so many items is expected to need for them."""
        return math.ceil(opened / self._parallel) * (self.seconds or 0.0)

    def expected(self, opened: int, sessions: int) -> float:
        """Seconds after which a session that has got so many items is asked for them."""
        return max(0.0, min(self.remaining(opened) - _LEAD, max(_LONGEST_PAUSE, self.interval(sessions))))

    def pause(self, sessions: int, silent: int) -> float:
        """Seconds after which a session is asked again at the earliest that had nothing new, so often in a row."""
        return max(0.0, self.interval(sessions) * 2 ** min(silent, 3) - self.wait(sessions)) if silent else 0.0

    def wait(self, sessions: int) -> float:
        """Seconds that it then waits for items to end; fewer sessions are heard of more often."""
        return min(LONGEST_WAIT, max(1.0, self.interval(sessions)))
