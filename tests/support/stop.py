"""A place in a server where one operation waits, so that a test can do something meanwhile."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from support.processes import DEADLINE


@dataclass
class Stop:
    """Holds an operation.

    Attributes:
        operation: Which, empty for none.
        reached: Set when it has come.
        left: Set when it may go on.
    """

    operation: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)

    def here(self, operation: str) -> None:
        """Wait, if this is the operation."""
        if operation == self.operation:
            self.reached.set()
            assert self.left.wait(DEADLINE)
