"""Credentials, endpoint and interpreter on AWS, as the chosen settings have them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from agentcore_sandbox.account.identity import identify
from agentcore_sandbox.aws.account_errors import translated
from agentcore_sandbox.aws.interpreter_client import READY, ControlPlane
from agentcore_sandbox.checks.finding import Outcome, failure, ok, warning
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

    from agentcore_sandbox.account.identity import Identity
    from agentcore_sandbox.account.interpreters import Interpreter
    from agentcore_sandbox.aws.connection import Connection
    from agentcore_sandbox.aws.session_client import CodeInterpreter
    from agentcore_sandbox.settings import Settings

SLOW_SECONDS = 2.0
SKEW_LIMIT, SKEW_WARNING = timedelta(minutes=5), timedelta(minutes=1)  # AWS refuses signatures 5 minutes off
EXPIRES_SOON = timedelta(minutes=15)


@dataclass(frozen=True)
class Answer:
    """How the endpoint answered a request without a signature.

    Attributes:
        url: The endpoint.
        seconds: Until the answer, connection included.
        skew: By how much its clock is ahead of ours, None where it does not say.
    """

    url: str
    seconds: float
    skew: timedelta | None


@dataclass(frozen=True)
class Target:
    """What is examined; what several checks need is asked for once.

    Attributes:
        settings: Where.
        connection: The same, with credentials.
        runner: A client of the interpreter.
    """

    settings: Settings
    connection: Connection
    runner: CodeInterpreter

    @cached_property
    def answer(self) -> Answer:
        """The endpoint's answer."""
        with translated(self.settings):
            client = self.connection.client("bedrock-agentcore", signed=False)
            return _ask(client, self.settings.interpreter_id)

    @cached_property
    def identity(self) -> Identity:
        """Whose credentials these are."""
        return identify(self.connection, self.settings)

    @cached_property
    def interpreter(self) -> Interpreter:
        """The interpreter."""
        control = ControlPlane(self.connection, self.settings)
        return control.get(self.settings.plain_id)


def _ask(client: BedrockAgentCoreClient, interpreter_id: str) -> Answer:
    """Send a request that is refused for want of a signature: that too is an answer, with the time."""
    answer: Mapping[str, Any]
    started = time.monotonic()
    try:
        answer = client.list_code_interpreter_sessions(codeInterpreterIdentifier=interpreter_id)
    except ClientError as error:
        answer = error.response
    seconds = time.monotonic() - started
    url = urlsplit(client.meta.endpoint_url)
    plain = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()  # a password in it is nobody's business
    return Answer(plain, seconds, _skew(answer["ResponseMetadata"]["HTTPHeaders"].get("date")))


def _skew(date: str | None) -> timedelta | None:
    try:
        return parsedate_to_datetime(date or "") - datetime.now(timezone.utc)
    except (TypeError, ValueError):
        return None


def region(target: Target) -> Outcome:
    """The region."""
    return ok(target.connection.region)


def endpoint(target: Target) -> Outcome:
    """Whether the endpoint answers, and how fast."""
    answer = target.answer
    message = f"{answer.url} answered in {answer.seconds:.2f} seconds"
    if answer.seconds > SLOW_SECONDS:
        return warning(message, "look at the network, or take a region that is nearer")
    return ok(message)


def clock(target: Target) -> Outcome:
    """This machine's clock against the endpoint's."""
    skew = target.answer.skew
    if skew is None:
        return warning("the endpoint does not tell the time", "check this machine's clock yourself")
    message = f"{abs(skew.total_seconds()):.0f} seconds {'behind' if skew > timedelta(0) else 'ahead of'} the endpoint"
    remedy = "set this machine's clock: AWS refuses requests that are 5 minutes off"
    if abs(skew) > SKEW_LIMIT:
        return failure(message, remedy)
    return warning(message, remedy) if abs(skew) > SKEW_WARNING else ok(message)


def credentials(target: Target) -> Outcome:
    """Where the credentials come from, whose they are, and how long they last; never the credentials."""
    with translated(target.settings):
        found = target.connection.session.get_credentials()
        found and found.get_frozen_credentials()
    message = f"{target.identity.arn}, from {found.method if found else 'nowhere'}"
    # botocore keeps the time for itself; it is shown, and nothing depends on it.
    expiry = getattr(found, "_expiry_time", None)
    if not isinstance(expiry, datetime):
        return ok(message)
    left = expiry - datetime.now(timezone.utc)
    message += f", for {max(0, int(left.total_seconds() // 60))} more minutes"
    return warning(message, "log in again before long work") if left < EXPIRES_SOON else ok(message)


def interpreter(target: Target) -> Outcome:
    """Whether the interpreter is there and READY."""
    try:
        found = target.interpreter
    except AgentcoreSandboxError as error:
        if error.code == "AccessDenied":
            return warning(error.message, "nothing, if running code works: it does not need this permission")
        raise
    message = f"{found.interpreter_id} is {found.status}"
    if found.status != READY:
        return failure(f"{message} {found.failure}".rstrip(), "wait, or make another: agentcore-sandbox setup")
    return ok(message)


def network(target: Target) -> Outcome:
    """The network mode."""
    try:
        found = target.interpreter.network
    except AgentcoreSandboxError:
        return warning("not known: the interpreter cannot be looked at", "see the line above")
    mode = found.mode if found else "unknown"
    if mode == "PUBLIC":
        return warning("PUBLIC: code has full access to the internet", "take network vpc or sandbox where it need not")
    return ok(mode)


PLACE_CHECKS: dict[str, Callable[[Target], Outcome]] = {
    "region": region,
    "endpoint": endpoint,
    "clock": clock,
    "credentials": credentials,
}
INTERPRETER_CHECKS: dict[str, Callable[[Target], Outcome]] = {
    "interpreter": interpreter,
    "network": network,
}


def target(settings: Settings, connection: Connection) -> Target:
    """Make what the checks examine.

    Raises:
        AgentcoreSandboxError: No client can be made.
    """
    from agentcore_sandbox.aws.session_client import CodeInterpreter

    return Target(settings, connection, CodeInterpreter(settings))
