"""How far a map is: for the user on standard error, and for other processes in the journal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli.status_line import line
from agentcore_sandbox.cli.units import counted, duration
from agentcore_sandbox.map.records import DONE, FAILED, SKIPPED, UNKNOWN

if TYPE_CHECKING:
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.errors import AgentcoreSandboxError
    from agentcore_sandbox.map.journal import Journal
    from agentcore_sandbox.map.ledger import Ledger
    from agentcore_sandbox.map.mapper import Mapper
    from agentcore_sandbox.map.pace import PacedInterpreter

_TERMINAL_SECONDS, _LOG_SECONDS, _REPORT_SECONDS = 0.5, 10.0, 1.0


class Progress:
    """Tells of the progress of a map.

    Args:
        ledger: Has the numbers.
        journal: Gets them for other processes.
        interpreter: Counts the requests.
        output: Gets them for the user.
    """

    def __init__(self, ledger: Ledger, journal: Journal, interpreter: PacedInterpreter, output: Output) -> None:
        self._ledger = ledger
        self._journal = journal
        self._interpreter = interpreter
        self._output = output
        self._started = self._shown = time.monotonic()
        self._reported = 0.0
        self._before = sum(ledger.counts.values())
        self._is_terminal = line.is_possible()

    def advance(self, mapper: Mapper) -> None:
        """Tell, where it is time to."""
        now = time.monotonic()
        if now - self._reported > _REPORT_SECONDS:
            self._reported = now
            self._journal.report(self.summary(mapper))
        if now - self._shown > (_TERMINAL_SECONDS if self._is_terminal else _LOG_SECONDS):
            self._shown = now
            self._show(self._line())

    @property
    def recorded(self) -> int:
        """How many items have got a record since this began."""
        return sum(self._ledger.counts.values()) - self._before

    def summary(self, mapper: Mapper) -> dict[str, Any]:
        """The object that `--json` shows."""
        counts = self._ledger.counts
        return {
            "mapId": self._journal.header.map_id,
            "journal": str(self._journal.folder),
            "items": len(self._journal.items),
            **{status: counts[status] for status in (DONE, FAILED, UNKNOWN, SKIPPED)},
            "left": self._ledger.left,
            "seconds": round(time.monotonic() - self._started, 3),
            "sessions": mapper.pool.ever,
            "requests": sum(self._interpreter.sent.values()),
            "costAtMost": round(mapper.cost, 6),
        }

    def end(self, mapper: Mapper, failure: AgentcoreSandboxError | None) -> dict[str, Any]:
        """Tell for the last time; returns the summary."""
        summary = self.summary(mapper)
        error = failure and {"code": failure.code, "message": failure.message, "hint": failure.hint}
        self._journal.report({**summary, "error": error, "ended": True})
        if self._is_terminal:
            self._show("")
        return summary

    def _line(self) -> str:
        counts, left = self._ledger.counts, self._ledger.left
        rate = self.recorded / (time.monotonic() - self._started)
        parts = [f"{counts[DONE]} done", f"{counts[FAILED]} failed", f"{counts[UNKNOWN]} unknown", f"{left} left"]
        if rate > 0:
            parts += [f"{rate:.1f}/s", f"{duration(left / rate)} to go"]
        return ", ".join(parts)

    def _show(self, text: str) -> None:
        if self._is_terminal:
            line.show(text)
        else:
            self._output.say(f"agentcore-sandbox: {text}")


def sentence(summary: dict[str, Any]) -> str:
    """The summary in words."""
    counts = [f"{summary[name]} {name}" for name in (DONE, FAILED, UNKNOWN, SKIPPED) if summary[name] or name == DONE]
    open_ones = [f"{summary['left']} open"] if summary["left"] else []
    used = [counted(summary[f"{noun}s"], noun) for noun in ("session", "request")]
    return (
        f"{counted(summary['items'], 'item')}: {', '.join([*counts, *open_ones])}; {', '.join(used)}, "
        f"{summary['seconds']:.1f} s, at most ${summary['costAtMost']:.4f} on AWS"
    )
