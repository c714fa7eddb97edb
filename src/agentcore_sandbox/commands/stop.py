"""Stop sessions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.commands import options
from agentcore_sandbox.commands.connection import connect
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.client import CodeInterpreter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `stop`."""
    parser.add_argument("sessions", nargs="*", metavar="session", help="ids of sessions")
    parser.add_argument("--all", action="store_true", dest="every", help="every READY session of the interpreter")
    options.add_connection(parser)


def run(*, flags: settings.Flags, sessions: Sequence[str], every: bool, as_json: bool) -> int:
    """Stop each session, also when another one cannot be stopped.

    Args:
        flags: Where they are.
        sessions: Their ids.
        every: Stop every READY session of the interpreter instead.
        as_json: Print an object with the keys `stopped` and `failed`.
    """
    resolved = settings.resolve(flags, os.environ)
    if every == bool(sessions):
        raise UsageError("give the ids of sessions, or --all", "list them with: agentcore-sandbox sessions")
    for session_id in sessions:
        options.check_session_id(session_id)
    interpreter = connect(resolved)
    chosen = [session.session_id for session in interpreter.sessions(status="READY")] if every else sessions
    return _stop_each(interpreter, chosen, Output(as_json=as_json))


def _stop_each(interpreter: CodeInterpreter, sessions: Sequence[str], output: Output) -> int:
    stopped: list[str] = []
    failures: list[tuple[str, AgentcoreSandboxError]] = []
    for session_id in sessions:
        try:
            interpreter.stop(session_id)
        except AgentcoreSandboxError as error:
            failures.append((session_id, error))
            continue
        stopped.append(session_id)
        if not output.as_json:
            output.line("session stopped" if len(sessions) == 1 else f"session stopped: {session_id}")
    _tell(output, stopped, failures)
    return failures[0][1].status if failures else 0


def _tell(output: Output, stopped: list[str], failures: list[tuple[str, AgentcoreSandboxError]]) -> None:
    if output.as_json:
        failed = [{"sessionId": session_id, "code": error.code} for session_id, error in failures]
        outcome = {"stopped": stopped, "failed": failed}
        output.failure(failures[0][1], **outcome) if failures else output.data(outcome)
        return
    for _, error in failures:
        output.failure(error)
    if not stopped and not failures:
        output.say("no READY session")
