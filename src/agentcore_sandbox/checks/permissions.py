"""One check for each action of the policy for callers.

All but one are tried, by an action on a session that is not there: that it is refused as unknown only after the
permission was looked at is assumed. A start cannot be tried without a session, which costs: IAM's simulator is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.account import policies
from agentcore_sandbox.account.simulation import Decision, simulate
from agentcore_sandbox.aws.account_errors import translated
from agentcore_sandbox.aws.interpreter_client import READY
from agentcore_sandbox.checks.finding import Outcome, failure, ok, warning
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_sandbox.aws.session_client import CodeInterpreter
    from agentcore_sandbox.checks.aws import Target

PROBE = "0" * 26  # no session is called so
START = "bedrock-agentcore:StartCodeInterpreterSession"
TO_BE_SURE = "`agentcore-sandbox doctor --run` starts a session, runs a line and stops it"


def _try(call: Callable[[CodeInterpreter], object], need: str, *, required: bool) -> Callable[[Target], Outcome]:
    """A check of one permission, by an action on a session that is not there."""

    def check(target: Target) -> Outcome:
        try:
            call(target.runner)
        except AgentcoreSandboxError as error:
            if error.code != "SessionGone":
                return (failure if required else warning)(error.message, f"{error.hint}; it is needed to {need}")
        return ok("allowed")

    return check


def _invoke(runner: CodeInterpreter) -> None:
    list(runner.invoke(PROBE, "listFiles", {"path": ""}))


def _list(runner: CodeInterpreter) -> None:
    next(iter(runner.sessions(status=READY)), None)


def start(target: Target) -> Outcome:
    """Whether a session may be started, where IAM may be asked; else that it is not known."""
    identity, interpreter = target.identity, target.settings.interpreter_id
    if not interpreter.startswith("arn:"):
        place = (identity.partition, target.connection.region, identity.account)
        interpreter = policies.interpreter_arn(interpreter, *place)
    try:
        with translated(target.settings):
            decision = simulate(target.connection, identity.arn, START, interpreter)
    except AgentcoreSandboxError as error:
        return warning(f"not known, IAM's simulator cannot be asked: {error.message}", TO_BE_SURE)
    return _judge(decision, interpreter)


def _judge(decision: Decision, interpreter: str) -> Outcome:
    if decision.allowed:
        return ok(f"allowed, says IAM's simulator of {decision.principal}")
    if decision.missing:
        conditions = ", ".join(decision.missing)
        return warning(f"not known: it depends on {conditions}, which IAM's simulator is not told", TO_BE_SURE)
    hint = f"allow {START} on {interpreter} in the IAM policy of these credentials"
    return failure(f"not allowed ({decision.verdict}), says IAM's simulator of {decision.principal}", hint)


def checks(*, started: bool) -> dict[str, Callable[[Target], Outcome]]:
    """The checks.

    Args:
        started: An execution has just shown that a session may be started.
    """
    return {
        "StartCodeInterpreterSession": _started if started else start,
        "InvokeCodeInterpreter": _try(_invoke, "run code", required=True),
        "StopCodeInterpreterSession": _try(lambda runner: runner.stop(PROBE), "stop a session", required=True),
        "GetCodeInterpreterSession": _try(lambda runner: runner.lifetime(PROBE), "see sessions", required=False),
        "ListCodeInterpreterSessions": _try(_list, "see sessions", required=False),
    }


def _started(_target: Target) -> Outcome:
    return ok("allowed: a session was started")
