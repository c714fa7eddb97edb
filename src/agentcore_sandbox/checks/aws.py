"""Checks of the endpoint, the credentials, the interpreter and the permissions, and one real execution.

Permissions are tried on a session that does not exist; it is assumed that AWS checks the permission before it looks for
the session. Only a start cannot be tried like that without paying for a session: there IAM's simulator is asked.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING

from agentcore_emulator import sandbox_runtime
from agentcore_sandbox import api
from agentcore_sandbox.account import policies
from agentcore_sandbox.account.identity import Decision, Identity, identify, simulate
from agentcore_sandbox.api import READY
from agentcore_sandbox.aws.credentials import resolve
from agentcore_sandbox.aws.errors import translated
from agentcore_sandbox.aws.event_stream import combine
from agentcore_sandbox.aws.hosts import EndpointAnswer, ask_endpoint
from agentcore_sandbox.aws.hosts import needed as host_urls
from agentcore_sandbox.aws.hosts import refused as refused_hosts
from agentcore_sandbox.aws.interpreter_client import InterpreterClient
from agentcore_sandbox.aws.session_client import SessionClient
from agentcore_sandbox.checks import Outcome, failure, ok, warning
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreters import Interpreter

SLOW_SECONDS = 2.0
SKEW_LIMIT, SKEW_WARNING = timedelta(minutes=5), timedelta(minutes=1)  # AWS refuses signatures 5 minutes off
EXPIRES_SOON = timedelta(minutes=15)
CODE, EXPECTED = "print(6 * 7)", "42"
SESSION_NAME = "agentcore-sandbox-doctor"
LIFETIME = 120  # seconds, should the stop fail
NO_SESSION = "0" * 26  # no session has this id
START = "bedrock-agentcore:StartCodeInterpreterSession"
RUN_HINT = "`agentcore-sandbox doctor --run` starts a session, runs a line and stops it"


@dataclass(frozen=True)
class Resources:
    """What the checks look at; what several of them need is requested once."""

    connection: Connection

    @cached_property
    def sessions(self) -> SessionClient:
        """A client of the interpreter."""
        return SessionClient(self.connection)

    @cached_property
    def answer(self) -> EndpointAnswer:
        """How the endpoint answers."""
        return ask_endpoint(self.connection)

    @cached_property
    def identity(self) -> Identity:
        """Whose credentials these are."""
        return identify(self.connection)

    @cached_property
    def interpreter(self) -> Interpreter:
        """The interpreter with role and network."""
        return InterpreterClient(self.connection).get(self.connection.settings.plain_id)


def region(resources: Resources) -> Outcome:
    """The region."""
    return ok(resources.connection.region)


def endpoint(resources: Resources) -> Outcome:
    """Whether the endpoint answers, and how fast."""
    answer = resources.answer
    message = f"{answer.url} answered in {answer.seconds:.2f} seconds"
    if answer.seconds > SLOW_SECONDS:
        return warning(message, "check the network, or choose a region that is closer")
    return ok(message)


def clock(resources: Resources) -> Outcome:
    """This machine's clock against the endpoint's."""
    skew = _skew(resources.answer.date)
    if skew is None:
        return warning("the endpoint does not say what time it is", "check this machine's clock yourself")
    message = f"{abs(skew.total_seconds()):.0f} seconds {'behind' if skew > timedelta(0) else 'ahead of'} the endpoint"
    remedy = "set this machine's clock: AWS refuses requests that are more than 5 minutes off"
    if abs(skew) > SKEW_LIMIT:
        return failure(message, remedy)
    return warning(message, remedy) if abs(skew) > SKEW_WARNING else ok(message)


def _skew(date: str | None) -> timedelta | None:
    try:
        return parsedate_to_datetime(date or "") - datetime.now(timezone.utc)
    except (TypeError, ValueError):
        return None


def credentials(resources: Resources) -> Outcome:
    """Where the credentials come from, whose they are, and how long they last; never the credentials themselves."""
    with translated(resources.connection.settings):
        source, found, _ = resolve(resources.connection.session)
    message = f"{resources.identity.arn}, from {source}"
    expiry = getattr(found, "_expiry_time", None)  # private to botocore; only shown here
    if not isinstance(expiry, datetime):
        return ok(message)
    left = expiry - datetime.now(timezone.utc)
    message += f", for {max(0, int(left.total_seconds() // 60))} more minutes"
    return warning(message, "log in again before long work") if left < EXPIRES_SOON else ok(message)


def interpreter(resources: Resources) -> Outcome:
    """Whether the interpreter exists and is READY."""
    try:
        found = resources.interpreter
    except AgentcoreSandboxError as error:
        if error.code == "AccessDenied":
            return warning(error.message, "nothing, if running code works: it does not need this permission")
        raise
    message = f"{found.interpreter_id} is {found.status}"
    if found.status != READY:
        return failure(f"{message} {found.failure}".rstrip(), "wait, or create another one: agentcore-sandbox setup")
    return ok(message)


def network(resources: Resources) -> Outcome:
    """The network mode."""
    try:
        found = resources.interpreter.network
    except AgentcoreSandboxError:
        return warning("unknown: the interpreter cannot be read", "see the line above")
    mode = found.mode if found else "unknown"
    if mode == "PUBLIC":
        return warning("PUBLIC: code has full internet access", "use network vpc or sandbox unless it needs that")
    return ok(mode)


def hosts(resources: Resources) -> Outcome:
    """Whether Claude Code's sandbox, where this process runs in it, lets the hosts be reached that are needed."""
    if not sandbox_runtime.is_around(os.environ):
        return ok("not in Claude Code's sandbox")
    needed = host_urls(resources.connection)
    if refused := refused_hosts(resources.connection, needed):
        remedy = sandbox_runtime.allow_hosts(refused)
        return failure(f"Claude Code's sandbox does not let {', '.join(refused)} be reached", remedy)
    return ok(f"Claude Code's sandbox lets all {len(needed)} hosts be reached that are needed")


HOST_CHECKS: dict[str, Callable[[Resources], Outcome]] = {"hosts": hosts}
PLACE_CHECKS: dict[str, Callable[[Resources], Outcome]] = {
    "region": region,
    "endpoint": endpoint,
    "clock": clock,
    "credentials": credentials,
}
INTERPRETER_CHECKS: dict[str, Callable[[Resources], Outcome]] = {
    "interpreter": interpreter,
    "network": network,
}


def execute(sessions: SessionClient) -> Outcome:
    """Run a line of code in a new session, which is stopped however this ends."""
    started = time.monotonic()
    with gate.closed():
        session_id = sessions.start(name=SESSION_NAME, lifetime=LIFETIME)
        try:
            with gate.opened():
                result = combine(sessions.invoke(session_id, api.EXECUTE_CODE, {"code": CODE, "language": "python"}))
        finally:
            stopped = _stop(sessions, session_id)
    if result.stdout.strip() != EXPECTED:
        return failure(f"{CODE} printed {result.stdout.strip()!r}", "try again; if it happens again, report it to AWS")
    message = f"{CODE} printed {EXPECTED} after {time.monotonic() - started:.1f} seconds, start and stop included"
    if not stopped:
        return warning(f"{message}; session {session_id} was not stopped", f"agentcore-sandbox stop {session_id}")
    return ok(message)


def _stop(sessions: SessionClient, session_id: str) -> bool:
    try:
        sessions.stop(session_id)
    except AgentcoreSandboxError:
        return False
    return True


EXECUTION_CHECKS = {"execution": execute}


def permission_checks(*, started: bool) -> dict[str, Callable[[Resources], Outcome]]:
    """One check for each action of the caller policy.

    Args:
        started: An execution has just shown that a session may be started.
    """
    return {
        "StartCodeInterpreterSession": _started if started else start,
        "InvokeCodeInterpreter": _try(_invoke, "run code", required=True),
        "StopCodeInterpreterSession": _try(lambda sessions: sessions.stop(NO_SESSION), "stop a session", required=True),
        "GetCodeInterpreterSession": _try(lambda sessions: sessions.lifetime(NO_SESSION), "see sessions"),
        "ListCodeInterpreterSessions": _try(_list, "see sessions"),
    }


def _try(
    call: Callable[[SessionClient], object], need: str, *, required: bool = False
) -> Callable[[Resources], Outcome]:
    """A check of one permission: an action on a session that does not exist."""

    def check(resources: Resources) -> Outcome:
        try:
            call(resources.sessions)
        except SessionGoneError:
            return ok("allowed")
        except AgentcoreSandboxError as error:
            return (failure if required else warning)(error.message, f"{error.hint}; it is needed to {need}")
        return ok("allowed")

    return check


def _invoke(sessions: SessionClient) -> None:
    list(sessions.invoke(NO_SESSION, "listFiles", {"path": ""}))


def _list(sessions: SessionClient) -> None:
    next(iter(sessions.sessions(status=READY)), None)


def _started(_resources: Resources) -> Outcome:
    return ok("allowed: a session was started")


def start(resources: Resources) -> Outcome:
    """Whether a session may be started, as far as IAM's simulator may be asked."""
    connection, identity = resources.connection, resources.identity
    interpreter = connection.settings.interpreter_id
    if not interpreter.startswith("arn:"):
        place = (identity.partition, connection.region, identity.account)
        interpreter = policies.interpreter_arn(interpreter, *place)
    try:
        with translated(connection.settings):
            decision = simulate(connection, identity.arn, START, interpreter)
    except AgentcoreSandboxError as error:
        return warning(f"unknown: IAM's simulator cannot be asked: {error.message}", RUN_HINT)
    return _judge(decision, interpreter)


def _judge(decision: Decision, interpreter: str) -> Outcome:
    if decision.allowed:
        return ok(f"allowed, according to IAM's simulator for {decision.principal}")
    if decision.missing:
        conditions = ", ".join(decision.missing)
        return warning(f"unknown: it depends on {conditions}, which IAM's simulator is not told", RUN_HINT)
    hint = f"allow {START} on {interpreter} in the IAM policy of these credentials"
    message = f"not allowed ({decision.verdict}), according to IAM's simulator for {decision.principal}"
    return failure(message, hint)
