"""Whatever answers a request, each call ends with a value or with an error of the family: none is a bug of ours."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from agentcore_sandbox.aws.connect import connect, connect_account
from agentcore_sandbox.aws.interpreter_client import InterpreterClient
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.settings import Settings
from support import fault_server, fuzz
from support.fault_server import SESSION, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient
    from support.fault_server import FaultServer

ID = "demo-0123456789"
SESSION_CALLS: dict[str, Callable[[SessionClient], Any]] = {
    "start": lambda sessions: sessions.start(name="n", lifetime=900),
    "stop": lambda sessions: sessions.stop(SESSION),
    "get": lambda sessions: (sessions.lifetime(SESSION), sessions.is_ready(SESSION)),
    "list": lambda sessions: sorted(session.created_at for session in sessions.sessions()),
}
CONTROL_CALLS: dict[str, Callable[[InterpreterClient], Any]] = {
    ID: lambda interpreters: interpreters.get(ID).described(),
    "code-interpreters": lambda interpreters: [found.described() for found in interpreters.all()],
}


@pytest.fixture(scope="module")
def service() -> Iterator[FaultServer]:
    with fault_server.serve() as server:
        yield server


@pytest.fixture(scope="module")
def settings(service: FaultServer) -> Iterator[Settings]:
    variables = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "dummy", "AWS_MAX_ATTEMPTS": "1"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        yield Settings("aws.codeinterpreter.v1", region="us-west-2", endpoint_url=service.url)


@pytest.fixture(scope="module")
def sessions(settings: Settings) -> Iterator[SessionClient]:
    client = connect(settings)
    with closing(client._client):
        yield client


@pytest.fixture(scope="module")
def interpreters(settings: Settings) -> Iterator[InterpreterClient]:
    client = InterpreterClient(connect_account(settings))
    with closing(client._client):
        yield client


def ends_well(call: Callable[[], Any]) -> None:
    """The call returns, or raises an error that says what happened, on one line, and what to do."""
    raised: AgentcoreSandboxError | None = None
    try:
        call()
    except AgentcoreSandboxError as error:
        raised = error
    assert raised is None or (raised.code.isprintable() and raised.message)


@pytest.mark.parametrize("operation", SESSION_CALLS)
@given(status=fuzz.STATUSES, kind=fuzz.TYPES, body=fuzz.BODIES)
def test_data_plane(
    sessions: SessionClient, service: FaultServer, operation: str, status: int, kind: str, body: bytes
) -> None:
    service.answers[operation] = page(status, kind, body)
    ends_well(lambda: SESSION_CALLS[operation](sessions))


@pytest.mark.parametrize("operation", CONTROL_CALLS)
@given(status=fuzz.STATUSES, kind=fuzz.TYPES, body=fuzz.BODIES)
def test_control_plane(
    interpreters: InterpreterClient, service: FaultServer, operation: str, status: int, kind: str, body: bytes
) -> None:
    service.answers[operation] = page(status, kind, body)
    ends_well(lambda: CONTROL_CALLS[operation](interpreters))


@given(status=fuzz.STATUSES, kind=fuzz.TYPES, body=fuzz.BODIES)
def test_answer_to_an_invoke(
    sessions: SessionClient, service: FaultServer, status: int, kind: str, body: bytes
) -> None:
    service.answers["invoke"] = page(status, kind, body)
    ends_well(lambda: list(sessions.invoke(SESSION, "executeCode", {"code": "1"})))


@given(data=fuzz.STREAMS)
def test_stream(sessions: SessionClient, service: FaultServer, data: bytes) -> None:
    service.answers["invoke"] = fault_server.stream(data) if data else fault_server.stream()
    ends_well(lambda: list(sessions.invoke(SESSION, "executeCommand", {"command": "true"})))
