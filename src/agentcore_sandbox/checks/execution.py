"""One real execution: start a session, run a line, stop it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentcore_sandbox.aws import result
from agentcore_sandbox.checks.finding import Outcome, failure, ok, warning
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from agentcore_sandbox.aws.session_client import CodeInterpreter

CODE, EXPECTED = "print(6 * 7)", "42"
NAME = "agentcore-sandbox-doctor"
LIFETIME = 120  # seconds, should the stop fail


def execute(runner: CodeInterpreter) -> Outcome:
    """Run a line in a session of its own, which is stopped however this ends."""
    started = time.monotonic()
    with gate.closed():
        session_id = runner.start(name=NAME, lifetime=LIFETIME)
        try:
            with gate.opened():
                found = result.combine(runner.invoke(session_id, "executeCode", {"code": CODE, "language": "python"}))
        finally:
            stopped = _stop(runner, session_id)
    if found.stdout.strip() != EXPECTED:
        return failure(f"{CODE} printed {found.stdout.strip()!r}", "try it again; then report it to AWS")
    message = f"{CODE} gave {EXPECTED} after {time.monotonic() - started:.1f} seconds, start and stop included"
    if not stopped:
        return warning(f"{message}; session {session_id} is not stopped", f"agentcore-sandbox stop {session_id}")
    return ok(message)


def _stop(runner: CodeInterpreter, session_id: str) -> bool:
    try:
        runner.stop(session_id)
    except AgentcoreSandboxError:
        return False
    return True


CHECKS = {"execution": execute}
