"""The ledger: which items wait, which are open in a session, and which have a record. The journal comes first."""

from __future__ import annotations

import json
from array import array
from collections import deque
from typing import TYPE_CHECKING

from agentcore_sandbox.map.records import FAILED, SKIPPED, STATUSES, UNKNOWN, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentcore_sandbox.map.journal import Journal, Past

_NONE = -1


def index_of(key: str) -> int:
    """The item of a key."""
    return int(key.partition("-")[0])


class Ledger:
    """The state of all items.

    Args:
        journal: Where it is kept.

    Attributes:
        past: What earlier processes have written down.
        epoch: How often the map was begun or resumed, this time included.
        counts: How many records there are of each status.
        added: Indexes of records since they were last asked for.
    """

    def __init__(self, journal: Journal, *, again: Iterable[str] = ()) -> None:
        """`again`: statuses of records that are not the last word."""
        self._journal = journal
        self.past: Past = journal.past()
        self.epoch = self.past.epoch + 1
        self.counts = dict.fromkeys(STATUSES, 0)
        self.added: list[int] = []
        self._offsets = array("q", [_NONE]) * len(journal.items)
        self._attempts = self.past.attempts
        self._waiting: deque[int] = deque()
        self._read_results({SKIPPED, *again})
        open_ones = {index_of(key) for _, _, keys in self.past.sessions.values() for key in keys}
        self._waiting.extend(
            index for index, offset in enumerate(self._offsets) if offset == _NONE and index not in open_ones
        )

    def begin(self) -> None:
        """Write down that a process is at it again."""
        self._journal.note(begin=self.epoch)

    def _read_results(self, again: set[str]) -> None:
        latest: dict[int, tuple[int, str]] = {}
        offset = 0
        for line in self._journal.results.lines():
            record = json.loads(line)
            latest[int(record["index"])] = (offset, str(record["status"]))
            offset += len(line)
        for index, (begin, status) in sorted(latest.items()):
            if status not in again:
                self._offsets[index] = begin
                self.counts[status] += 1
                self.added.append(index)

    @property
    def waiting(self) -> int:
        """How many items wait for a session."""
        return len(self._waiting)

    @property
    def left(self) -> int:
        """How many have no record."""
        return len(self._offsets) - sum(self.counts.values())

    def is_finished(self, index: int) -> bool:
        """Whether an item has a record."""
        return self._offsets[index] != _NONE

    def take(self) -> int:
        """The next item that waits, which does so no more."""
        return self._waiting.popleft()

    def put_back(self, index: int) -> None:
        """Let an item that was taken wait again, as the next."""
        self._waiting.appendleft(index)

    def send(self, session_id: str, indexes: Sequence[int]) -> list[str]:
        """Write down that items are about to be sent to a session; returns their keys."""
        keys = []
        for index in indexes:
            attempt, count, why = self._attempts.get(index, (0, 0, []))
            self._attempts[index] = (attempt + 1, count + 1, why)
            keys.append(f"{index}-{attempt + 1}")
        self._journal.note(send=keys, to=session_id)
        return keys

    def again(self, keys: Sequence[str], why: str | None = None) -> None:
        """Let items that were sent wait again; `why`, or None where they have not run."""
        if not keys:
            return
        self._journal.note(again=list(keys), why=why)
        for index in sorted(map(index_of, keys), reverse=True):
            attempt, count, reasons = self._attempts[index]
            if why is None:
                self._attempts[index] = (attempt, count - 1, reasons)
                self._waiting.appendleft(index)
            else:
                self._attempts[index] = (attempt, count, [*reasons, why])
                self._waiting.append(index)

    def tries(self, index: int) -> tuple[int, Sequence[str]]:
        """How often an item ran, or may have, and why each of these was not the last."""
        _, count, why = self._attempts.get(index, (0, 0, []))
        return count, why

    def finish(self, records: Sequence[Record]) -> None:
        """Write records down, all of them or, where this process is killed, the first of them."""
        lines = [record.line() for record in records]
        offset = self._journal.results.append(b"".join(lines))
        for record, line in zip(records, lines, strict=True):
            self._offsets[record.index] = offset
            self.counts[record.status] += 1
            self.added.append(record.index)
            self._attempts.pop(record.index, None)
            offset += len(line)

    def line(self, index: int) -> bytes:
        """The record of an item, as a line of JSON; empty where there is none."""
        return b"" if self._offsets[index] == _NONE else self._journal.results.line(self._offsets[index])

    @property
    def failures(self) -> int:
        """How many have failed, or are unknown."""
        return self.counts[FAILED] + self.counts[UNKNOWN]
