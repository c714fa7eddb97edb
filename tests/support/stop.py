"""A place in a server where one operation waits, so that a test can do something meanwhile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from support.processes import DEADLINE


@dataclass
class Stop:
    """Holds the first of an operation.

    Attributes:
        operation: Which, empty for none.
        reached: Set when it has come.
        left: Set when it may go on.
    """

    operation: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)

    def here(self, operation: str) -> None:
        """Wait, if this is the operation, for the first time."""
        if operation == self.operation and not self.reached.is_set():
            self.reached.set()
            assert self.left.wait(DEADLINE)
