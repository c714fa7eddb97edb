"""The control plane's client: every error of its model, by botocore's own check of each answer, and the waits."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from agentcore_sandbox.aws import connect, interpreter_client
from agentcore_sandbox.aws.interpreter_client import InterpreterClient
from agentcore_sandbox.aws.interpreters import Network
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME, ID = "demo", "demo-0123456789"
ARN = f"arn:aws:bedrock-agentcore:us-east-1:123456789012:code-interpreter-custom/{ID}"
NOW = dt.datetime(2026, 11, 27, tzinfo=dt.timezone.utc)
MADE = {"codeInterpreterId": ID, "codeInterpreterArn": ARN, "createdAt": NOW, "status": "CREATING"}
GOT = {**MADE, "name": NAME, "networkConfiguration": {"networkMode": "SANDBOX"}, "lastUpdatedAt": NOW}


@pytest.fixture
def plane() -> InterpreterClient:
    session = boto3.Session("AKIDEXAMPLE", "dummy-secret", region_name="us-east-1")
    return InterpreterClient(connect.Connection(Settings(""), session))


@pytest.fixture
def answers(plane: InterpreterClient) -> Iterator[Stubber]:
    with Stubber(plane._client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


CALLS: dict[str, Callable[[InterpreterClient], Any]] = {
    "create_code_interpreter": lambda plane: plane.create(NAME, Network("SANDBOX"), role=None, tags={}),
    "get_code_interpreter": lambda plane: plane.get(ID),
    "list_code_interpreters": lambda plane: list(plane.all()),
    "delete_code_interpreter": lambda plane: plane.delete(ID),
}
CODES = {
    "AccessDeniedException": "AccessDenied",
    "ConflictException": "Conflict",
    "InternalServerException": "ServiceFailed",
    "ResourceNotFoundException": "UnknownInterpreter",
    "ServiceQuotaExceededException": "QuotaExceeded",
    "ThrottlingException": "Throttled",
    "ValidationException": "InvalidRequest",
}


def test_every_error_of_every_operation_has_a_code_and_a_remedy(plane: InterpreterClient, answers: Stubber) -> None:
    model = plane._client.meta.service_model
    for method, call in CALLS.items():
        operation = model.operation_model(plane._client.meta.method_to_api_mapping[method])
        for shape in operation.error_shapes:
            answers.add_client_error(method, shape.name, "the service's words")
            with pytest.raises(AgentcoreSandboxError) as failure:
                call(plane)
            assert failure.value.code == CODES[shape.name]
            assert failure.value.message == "the service's words"
            assert failure.value.hint


def test_failed_create_tells_the_reason(plane: InterpreterClient, answers: Stubber) -> None:
    answers.add_response("get_code_interpreter", {**GOT, "status": "CREATE_FAILED", "failureReason": "no room"})
    with pytest.raises(AgentcoreSandboxError, match=f"{ID} is CREATE_FAILED: no room"):
        plane.wait_until_ready(ID, lambda _text: None)


class Clock:
    """A time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_long_wait_tells_that_it_goes_on_and_ends(plane: InterpreterClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter_client, "time", Clock())
    monkeypatch.setattr(plane, "get", lambda _id: interpreter_client._interpreter(GOT, Network("VPC")))
    said: list[str] = []
    with pytest.raises(AgentcoreSandboxError, match="is not READY after 900 seconds") as failure:
        plane.wait_until_ready(ID, said.append)
    assert f"interpreter show {ID}" in failure.value.hint
    assert said[0] == f"{ID} is CREATING"
    waits = [int(text.split()[-2]) for text in said[1:]]
    assert all(f"{ID} is still CREATING after" in text for text in said[1:])
    assert len(waits) in range(5, 10)
    assert waits == sorted(waits)
