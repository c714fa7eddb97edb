"""The tasks of a session: commands whose calls nobody waits for."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentcore_emulator.agent_client import Call
    from agentcore_emulator.tools.result_payloads import Payload

MAX_TASKS = 100
"""Tasks that a session remembers (assumed)."""
MAX_RESULTS = 64 << 20
"""Bytes of output that the results of a session's tasks may have in all; of more, the oldest tasks are forgotten."""
WORKING, COMPLETED, CANCELED = "working", "completed", "canceled"


@dataclass
class Task:
    """One command that runs, or has run since `began`, a mark of the session's monitor."""

    call: Call
    began: int
    status: str = WORKING
    payload: Payload | None = None
    size: int = 0


class Tasks:
    """The tasks of one session by their ids."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._tasks: dict[str, Task] = {}

    def add(self, call: Call, began: int) -> str | None:
        """Remember a command; return its id, eight hexadecimal digits (recorded), or None where too many run."""
        with self.lock:
            if len(self._tasks) >= MAX_TASKS and not self._forget_one():
                return None
            task_id = secrets.token_hex(4)
            self._tasks[task_id] = Task(call, began)
            return task_id

    def get(self, task_id: str) -> Task | None:
        """Return the task with this id, if any."""
        return self._tasks.get(task_id)

    def complete(self, task: Task, payload: Payload, size: int) -> None:
        """Keep the result of a task, with `size` bytes of output."""
        task.call.close()
        task.status, task.payload, task.size = COMPLETED, payload, size
        while sum(known.size for known in self._tasks.values()) > MAX_RESULTS and self._forget_one():
            pass

    def close(self) -> None:
        """End every task."""
        with self.lock:
            for task in self._tasks.values():
                task.call.close()
            self._tasks.clear()

    def _forget_one(self) -> bool:
        """Forget the oldest finished task; return whether there was one."""
        for task_id, task in self._tasks.items():
            if task.status != WORKING or task.call.ready():
                task.call.close()
                del self._tasks[task_id]
                return True
        return False
