"""Stop sessions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.api import READY
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionOverError, UsageError
from agentcore_sandbox.policy.lock import allow, refuse
from agentcore_sandbox.sessions import named
from agentcore_sandbox.threads import in_parallel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from agentcore_sandbox.aws.session_client import SessionClient

AT_ONCE = 4  # with the 0.17 s that a stop takes (docs/service.md, "Sessions"), below the service's 30 requests a second
EXAMPLES = (
    "agentcore-sandbox stop work",
    "agentcore-sandbox stop --all",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `stop`."""
    allow(parser.add_argument("sessions", nargs="*", metavar="session", help="ids or names of sessions"))
    about = "every READY session of the interpreter"
    every = parser.add_argument("--all", action="store_true", dest="every", help=about)
    refuse(every, "name the sessions: others may use the same interpreter")
    add_connection(parser)


def run(*, flags: settings.Flags, sessions: Sequence[str], every: bool, as_json: bool) -> int:
    """Stop each session, also when another one cannot be stopped; `every`: all READY ones of the interpreter."""
    resolved = settings.resolve(flags, os.environ)
    if every == bool(sessions):
        raise UsageError("give the ids or names of sessions, or --all", "list them with: agentcore-sandbox sessions")
    for session_id in sessions:
        named.check_id_or_name(session_id)
    interpreter = connect(resolved, runs_code=False)
    output = Output(as_json=as_json)
    if every:
        return _stop_each(lambda session_id: _end(interpreter, session_id), _ready(interpreter), output, AT_ONCE)
    return _stop_each(lambda word: named.stop(interpreter, word, os.environ), sessions, output, 1)


def _ready(interpreter: SessionClient) -> list[str]:
    return [session.session_id for session in interpreter.sessions(status=READY)]


def _stop_each(stop: Callable[[str], str], sessions: Sequence[str], output: Output, at_once: int) -> int:
    stopped: list[str] = []
    failures: list[tuple[str, AgentcoreSandboxError]] = []
    outcomes = in_parallel(lambda word: _outcome(stop, word), sessions, at_once)
    for word, outcome in zip(sessions, outcomes, strict=True):
        if isinstance(outcome, AgentcoreSandboxError):
            failures.append((word, outcome))
            continue
        stopped.append(outcome)
        if not output.as_json:
            output.line("session stopped" if len(sessions) == 1 else f"session stopped: {word}")
    _tell(output, stopped, failures)
    return failures[0][1].status if failures else 0


def _outcome(stop: Callable[[str], str], word: str) -> str | AgentcoreSandboxError:
    try:
        return stop(word)
    except AgentcoreSandboxError as error:
        return error


def _end(interpreter: SessionClient, session_id: str) -> str:
    """Stop a session of the list, or find that it has ended meanwhile, which is all that is wanted."""
    try:
        return named.stop_id(interpreter, session_id, os.environ)
    except SessionOverError:
        return session_id


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
