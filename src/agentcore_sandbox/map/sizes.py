"""Sizes of batches, and when a session is asked for its items. Numbers only."""

from __future__ import annotations

import math

HORIZON = 2.0
"""Seconds for which a session gets work, unless it cannot be asked again so soon."""
LONGEST_WAIT = 4.0
"""Seconds that an invoke waits in a session for its items to end."""
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

    def size(self, opened: int, waiting: int, sessions: int) -> int:
        """How many more items a session gets.

        Args:
            opened: Those that it has.
            waiting: Those that no session has.
            sessions: How many sessions share them.
        """
        if self.seconds is None:
            wanted = self._parallel
        else:
            horizon = max(HORIZON, 2 * self.interval(sessions))
            in_time = math.ceil(self._parallel * horizon / self.seconds)
            wanted = max(self._parallel, min(in_time, math.ceil(waiting / sessions)))
        return max(0, min(wanted - opened, waiting))

    def interval(self, sessions: int) -> float:
        """Seconds after which each of some sessions can be asked again."""
        return sessions / self._rate

    def remaining(self, opened: int) -> float:
        """Seconds that a session with so many items is expected to need for them."""
        return math.ceil(opened / self._parallel) * (self.seconds or 0.0)

    def pause(self, opened: int, sessions: int, silent: int) -> float:
        """Seconds until a session is asked again.

        Args:
            opened: Items that it has.
            sessions: How many there are.
            silent: How often it was asked and had nothing new.
        """
        interval = self.interval(sessions) * min(2**silent, 8) if silent else 0.0
        return max(0.0, self.remaining(opened) - LONGEST_WAIT, interval - self.wait(sessions))

    def wait(self, sessions: int) -> float:
        """Seconds that it then waits for items to end; fewer sessions are heard of more often."""
        return min(LONGEST_WAIT, max(1.0, self.interval(sessions)))
