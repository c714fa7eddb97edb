"""Records on their way out: in the items' order or as they are finished, as JSON lines or as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.aws.event_stream import Result
from agentcore_sandbox.cli.terminal_text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.map.ledger import Ledger

_LONGEST_TITLE = 80


class Results:
    """Hands on each record once. Those that wait for their turn do so in the journal.

    Args:
        ledger: Has the records.
        count: How many items there are.
        writes: Take lines of JSON.
        as_completed: Do not wait for records of items before.
    """

    def __init__(
        self, ledger: Ledger, count: int, writes: Sequence[Callable[[bytes], object]], *, as_completed: bool
    ) -> None:
        self._ledger = ledger
        self._count = count
        self._writes = writes
        self._as_completed = as_completed
        self._next = 0

    def advance(self) -> None:
        """Hand on what can be."""
        added, self._ledger.added = self._ledger.added, []
        if self._as_completed:
            self._hand_on(added)
            return
        while self._next < self._count and self._ledger.is_finished(self._next):
            self._hand_on([self._next])
            self._next += 1

    def finish(self) -> None:
        """Hand on all there is: the map has ended before some items have a record."""
        self.advance()
        if not self._as_completed:
            self._hand_on([index for index in range(self._next, self._count) if self._ledger.is_finished(index)])

    def _hand_on(self, indexes: list[int]) -> None:
        for index in indexes if self._writes else ():
            line = self._ledger.line(index)
            for write in self._writes:
                write(line)


def print_text(output: Output, line: bytes) -> None:
    """Print a record as text: a header, and the program's output."""
    record: dict[str, Any] = json.loads(line)
    item = record["item"]
    title = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    status = record["status"] if record["exitCode"] in (0, None) else f"exit status {record['exitCode']}"
    output.line(f"==> {record['index']}: {plain(title[:_LONGEST_TITLE])} ({status})")
    output.program([Result(record["stdout"], record["stderr"])], [])
    output.end_line()
    if record["error"]:
        output.say(f"agentcore-sandbox: item {record['index']}: {record['error']['message']}")
