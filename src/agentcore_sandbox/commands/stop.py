"""Stop sessions."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.api import READY
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli import questions
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection, time_span
from agentcore_sandbox.cli.terminal_text import plain
from agentcore_sandbox.cli.units import duration
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionOverError, UsageError
from agentcore_sandbox.policy.lock import allow, refuse
from agentcore_sandbox.sessions import named
from agentcore_sandbox.threads import in_parallel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from agentcore_sandbox.activity.sessions import StartedSession
    from agentcore_sandbox.aws.session_client import SessionClient, SessionSummary

AT_ONCE = 4  # with the 0.17 s that a stop takes (docs/service.md, "Sessions"), below the service's 30 requests a second
EXAMPLES = (
    "agentcore-sandbox stop work",
    "agentcore-sandbox stop --mine --older-than 2h",
    "agentcore-sandbox stop --all",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `stop`."""
    allow(parser.add_argument("sessions", nargs="*", metavar="session", help="ids or names of sessions"))
    about = "those that this user's command line has started on this machine, jobs and named sessions too"
    mine = parser.add_argument("--mine", action="store_true", help=about)
    refuse(mine, "name the sessions: the user may need the others")
    about = "every READY session of the interpreter; asks on a terminal, and elsewhere stops only yours without --yes"
    every = parser.add_argument("--all", action="store_true", dest="every", help=about)
    refuse(every, "name the sessions: others may use the same interpreter")
    about = "with --mine or --all: only those that were started longer ago, such as 45m, 2h or 1d"
    parser.add_argument("--older-than", metavar="TIME", type=time_span, dest="least_age", help=about)
    parser.add_argument("--yes", action="store_true", help="with --all: do not ask")
    add_connection(parser)


def run(
    *,
    flags: settings.Flags,
    sessions: Sequence[str],
    mine: bool,
    every: bool,
    least_age: float | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Stop each session, also when another one cannot be stopped."""
    resolved = settings.resolve(flags, os.environ)
    _check(sessions, mine=mine, every=every, least_age=least_age)
    interpreter = connect(resolved, runs_code=False)
    output = Output(as_json=as_json)
    if sessions:
        return _stop_each(
            lambda word: named.stop(interpreter, word, os.environ), tuple(dict.fromkeys(sessions)), output, 1
        )
    own = [session.session for session in interpreter.own.mine() if time.time() - session.at >= (least_age or 0)]
    chosen = own if mine else _choose(interpreter, output, least_age or 0, yes=yes)
    return _stop_each(lambda session_id: _end(interpreter, session_id), chosen, output, AT_ONCE)


def _check(sessions: Sequence[str], *, mine: bool, every: bool, least_age: float | None) -> None:
    if [mine, every, bool(sessions)].count(True) != 1:
        hint = "list them with: agentcore-sandbox sessions"
        raise UsageError("give the ids or names of sessions, or --all, or --mine", hint)
    if sessions and least_age is not None:
        raise UsageError("--older-than goes with --mine or --all, not with names")
    for word in sessions:
        named.check_id_or_name(word)


def _choose(interpreter: SessionClient, output: Output, least_age: float, *, yes: bool) -> list[str]:
    """The sessions for `--all`: all that the user agrees to, and without anybody to ask the user's own."""
    own = {session.session: session for session in interpreter.own.mine()}
    now = datetime.now(timezone.utc)
    found = [
        session
        for session in interpreter.sessions(status=READY)
        if (now - session.created_at).total_seconds() >= least_age
    ]
    if not found or yes:
        return [session.session_id for session in found]
    if questions.can_be_asked():
        for session in found:
            output.say(_described(session, own.get(session.session_id)))
        questions.confirm(output, "stop what is listed", yes=False)
        return [session.session_id for session in found]
    if others := [session for session in found if session.session_id not in own]:
        which = f"{len(others)} of {len(found)} sessions"
        output.say(f"agentcore-sandbox: not started here, and so left alone: {which}; --yes stops them too")
    return [session.session_id for session in found if session.session_id in own]


def _described(session: SessionSummary, own: StartedSession | None) -> str:
    age = duration((datetime.now(timezone.utc) - session.created_at).total_seconds())
    whose = f"yours, by {own.command} in {own.folder}" if own else "not started here"
    return f"  {plain(session.session_id)}  {plain(session.name)}  {age}  {plain(whose)}"


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
        output.say("no session to stop")
