"""Records: what is known of an item in the end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentcore_sandbox.errors import AgentcoreSandboxError
    from agentcore_sandbox.map.items import Item

DONE, FAILED, UNKNOWN, SKIPPED = "done", "failed", "unknown", "skipped"
STATUSES = (DONE, FAILED, UNKNOWN, SKIPPED)
"""Exit status 0; any other or an error; it may have run, and nobody knows how it ended; it was not started."""


@dataclass(frozen=True)
class Record:
    """What is known of an item.

    Attributes:
        index: Its number, from 0.
        item: The item.
        status: One of `STATUSES`.
        exit_code: Of its program, None where that is not known.
        stdout: Its output; `stderr` likewise.
        seconds: How long its program ran.
        attempts: How often it ran, or may have.
        retried: Why, for each attempt but the last.
        session_id: Of the last attempt.
        error: What went wrong beside the program.
        downloaded: Paths of what was fetched.
    """

    index: int
    item: Item
    status: str
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    seconds: float | None = None
    attempts: int = 0
    retried: Sequence[str] = ()
    session_id: str | None = None
    error: AgentcoreSandboxError | None = None
    downloaded: Sequence[str] = field(default=())

    def line(self) -> bytes:
        """The record as a line of JSON."""
        error = self.error
        value: dict[str, Any] = {
            "index": self.index,
            "item": self.item,
            "status": self.status,
            "exitCode": self.exit_code,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "executionTime": self.seconds,
            "attempts": self.attempts,
            "retried": list(self.retried),
            "sessionId": self.session_id,
            "error": error and {"code": error.code, "message": error.message, "hint": error.hint},
            "downloaded": list(self.downloaded),
        }
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
