"""What a session tells of an item, as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.map.ledger import Ledger, index_of
from agentcore_sandbox.map.records import DONE, FAILED, UNKNOWN, Record

if TYPE_CHECKING:
    from agentcore_sandbox.map.exchange import Outcome
    from agentcore_sandbox.map.items import ItemFile
    from agentcore_sandbox.map.options import Options
    from agentcore_sandbox.map.visits import Visit


class Settler:
    """Makes records.

    Args:
        items: All of them.
        ledger: Knows how often each was tried.
        options: How they run.
    """

    def __init__(self, items: ItemFile, ledger: Ledger, options: Options) -> None:
        self._items = items
        self._ledger = ledger
        self._options = options

    def ended(self, session_id: str, visit: Visit, outcome: Outcome) -> Record:
        """Of an item whose program has ended, or could not be started."""
        error = self._error(outcome) or visit.failures.get(outcome.key)
        return self._record(
            session_id,
            outcome.key,
            DONE if outcome.exit_code == 0 and error is None else FAILED,
            error,
            exit_code=outcome.exit_code,
            stdout=outcome.stdout,
            stderr=outcome.stderr,
            seconds=outcome.seconds,
            downloaded=visit.downloaded.get(outcome.key, ()),
        )

    def failed(self, session_id: str, key: str, error: AgentcoreSandboxError) -> Record:
        """Of an item that could not be sent."""
        return self._record(session_id, key, FAILED, error)

    def unknown(self, session_id: str, key: str, why: str) -> Record:
        """Of an item that may have run."""
        hint = "it may have run; --retry-unknown tries such items again"
        return self._record(session_id, key, UNKNOWN, AgentcoreSandboxError("SessionLost", why, hint))

    def may_retry(self, record: Record) -> bool:
        """Whether an item that failed is tried again."""
        return record.status == FAILED and record.attempts <= self._options.retries

    def _error(self, outcome: Outcome) -> AgentcoreSandboxError | None:
        if outcome.error:
            return AgentcoreSandboxError("NotStarted", f"its program was not started: {outcome.error}")
        if outcome.timed_out:
            message = f"not finished within {self._options.time_limit:g} seconds (--exec-timeout)"
            return AgentcoreSandboxError("TimeLimit", message, "its program was stopped; raise --exec-timeout")
        return None

    def _record(
        self, session_id: str, key: str, status: str, error: AgentcoreSandboxError | None, **more: Any
    ) -> Record:
        index = index_of(key)
        attempts, why = self._ledger.tries(index)
        return Record(
            index,
            self._items[index],
            status,
            attempts=attempts,
            retried=why,
            session_id=session_id,
            error=error,
            **more,
        )


def reason(record: Record) -> str:
    """Why an item that failed is tried again."""
    return f"it failed: {record.error.message}" if record.error else f"it failed with exit status {record.exit_code}"
