"""The tasks of a session: commands whose calls nobody waits for."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.local.payloads import ToolError

if TYPE_CHECKING:
    from agentcore_sandbox.local.calls import Call
    from agentcore_sandbox.local.payloads import Payload

MAX_TASKS = 100
"""Tasks that a session remembers (assumed)."""
WORKING, COMPLETED, CANCELED = "working", "completed", "canceled"


@dataclass
class Task:
    """One command that runs, or has run.

    Args:
        call: The call that runs it.
        status: working, completed or canceled.
        payload: Its result, once somebody has asked for it.
    """

    call: Call
    status: str = WORKING
    payload: Payload | None = None


class Tasks:
    """The tasks of one session by their ids."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._tasks: dict[str, Task] = {}

    def add(self, call: Call) -> str:
        """Remember a started command and return its id, eight hexadecimal digits (recorded).

        Raises:
            ToolError: Too many are running.
        """
        with self.lock:
            self._make_room()
            task_id = secrets.token_hex(4)
            self._tasks[task_id] = Task(call)
            return task_id

    def get(self, task_id: str) -> Task:
        """Return a task.

        Raises:
            ToolError: There is none with this id.
        """
        with self.lock:
            if task_id not in self._tasks:
                raise ToolError(f"Task {task_id} not found")
            return self._tasks[task_id]

    def close(self) -> None:
        """End every task."""
        with self.lock:
            for task in self._tasks.values():
                task.call.close()
            self._tasks.clear()

    def _make_room(self) -> None:
        """Forget the oldest finished task where there are too many."""
        if len(self._tasks) < MAX_TASKS:
            return
        finished = next((key for key, task in self._tasks.items() if task.status != WORKING or task.call.ready()), None)
        if finished is None:
            raise ToolError(f"Too many tasks: {MAX_TASKS} are running")
        self._tasks.pop(finished).call.close()
