"""What a map is asked to do, apart from its program and its items."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from agentcore_sandbox.activity.costs import Prices
from agentcore_sandbox.errors import UsageError

FORMATS = ("lines", "jsonl", "csv", "nul", "files")
"""Of items."""
RATE = 30.0
"""Requests a second that the service takes of each operation: docs/service.md, Limits."""
MOST_SESSIONS = 1000
"""At a time, of an account: the same."""
MOST_PARALLEL = 64
MOST_OUTPUT = 1 << 20
"""Bytes of each output stream of an item that come back."""
SOON, NOW = "soon", "now"
"""Start nothing new and let what runs end; or stop all sessions at once."""
LIFETIME = 3600
"""Seconds that a session of a map lives unless it is stopped, as where this process is killed."""


@dataclass(frozen=True)
class Halt:
    """When a map ends early.

    Attributes:
        how: `SOON` or `NOW`.
        failures: Once so many items have failed or are unknown; a number, or with `percent` of all items.
        percent: It is a percentage.
    """

    how: str
    failures: float
    percent: bool = False

    @classmethod
    def read(cls, text: str) -> Halt:
        """Read `soon,fail=3` or `now,fail=10%`.

        Raises:
            UsageError: It is neither.
        """
        found = re.fullmatch(r"(soon|now),fail=([0-9]{1,9})(%?)", text)
        if not found or not int(found[2]) or (found[3] and int(found[2]) > 100):  # noqa: PLR2004 - per cent
            raise UsageError(f"not a condition to halt at: {text!r}", "such as: --halt soon,fail=3 or now,fail=10%")
        return cls(found[1], float(found[2]), bool(found[3]))

    def is_reached(self, failures: int, count: int) -> bool:
        """Whether so many failures of `count` items are enough."""
        most = math.ceil(count * self.failures / 100) if self.percent else self.failures
        return failures >= most


@dataclass(frozen=True)
class Options:
    """How a map runs.

    Attributes:
        sessions: The most at a time.
        parallel: Items at a time in a session.
        rate: Requests a second of each operation.
        lifetime: Of a session, in seconds.
        fresh: Each item gets a session of its own.
        time_limit: Seconds that an item may take.
        limit: Bytes that are kept of each of its output streams.
        retries: How often an item that failed is tried again.
        retry_unknown: Try an item again that may have run in a session that was lost.
        halt: When to end early.
        max_cost: US dollars at which to end early.
        prices: What is paid.
        force: Downloads may replace files.
        hidden: Fetch hidden files too.
    """

    sessions: int = 20
    parallel: int = 2
    rate: float = RATE
    lifetime: int = LIFETIME
    fresh: bool = False
    time_limit: float | None = None
    limit: int = MOST_OUTPUT
    retries: int = 0
    retry_unknown: bool = False
    halt: Halt | None = None
    max_cost: float | None = None
    prices: Prices = field(default_factory=Prices)
    force: bool = False
    hidden: bool = True

    def __post_init__(self) -> None:
        if self.limit > MOST_OUTPUT:
            hint = "more goes into a file of the item's folder, and comes with --download"
            raise UsageError(f"--max-output is at most {MOST_OUTPUT} bytes for each item of a map", hint)

    @property
    def at_once(self) -> int:
        """Items at a time in one session."""
        return 1 if self.fresh else self.parallel
