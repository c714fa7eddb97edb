"""The API over its real socket, as botocore sees it."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from support import service
from support.processes import eventually
from support.service import KEYS, LONG, Running

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

SYSTEM = "aws.codeinterpreter.v1"
ARN = f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{SYSTEM}"


def start(client: BedrockAgentCoreClient, interpreter: str = "local", **more: Any) -> str:
    return client.start_code_interpreter_session(codeInterpreterIdentifier=interpreter, **more)["sessionId"]


def invoke(client: BedrockAgentCoreClient, session: str, command: str) -> list[Any]:
    answer = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local", sessionId=session, name="executeCommand", arguments={"command": command}
    )
    assert answer["sessionId"] == session
    with closing(answer["stream"]) as stream:
        return list(stream)


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


# Operations


def test_a_session_from_start_to_stop(running: Running) -> None:
    client = running.client()
    before = datetime.now(timezone.utc)
    started = client.start_code_interpreter_session(
        codeInterpreterIdentifier="local", name="mine", sessionTimeoutSeconds=100
    )
    session = started["sessionId"]
    assert len(session) == 26
    assert started["codeInterpreterIdentifier"] == "local"
    assert before <= started["createdAt"] <= datetime.now(timezone.utc)
    got = client.get_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    assert (got["name"], got["status"], got["sessionTimeoutSeconds"]) == ("mine", "READY", 100)
    assert got["createdAt"] == started["createdAt"]
    events = invoke(client, session, "ls")
    text = "executeCommand {'command': 'ls'}"
    assert events == [{"result": {"content": [{"type": "text", "text": text}], "isError": False}}]
    stopped = client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    assert stopped["sessionId"] == session
    assert stopped["lastUpdatedAt"] >= started["createdAt"]
    got = client.get_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    assert got["status"] == "TERMINATED"
    assert not running.sandboxes[0].alive


@pytest.mark.parametrize("interpreter", ["local", SYSTEM, ARN])
@pytest.mark.aws("documented", "Requests", "An interpreter is named by its id or its ARN")
@pytest.mark.aws(
    "assumed", "Requests", "An answer names the interpreter by the id that was asked for; of an ARN, by its last part"
)
def test_an_interpreter_is_known_by_id_and_arn(running: Running, interpreter: str) -> None:
    client = running.client()
    session = start(client, interpreter)
    got = client.get_code_interpreter_session(codeInterpreterIdentifier=interpreter, sessionId=session)
    assert got["codeInterpreterIdentifier"] == interpreter.rpartition("/")[2]
    assert got["sessionTimeoutSeconds"] == 900


@pytest.mark.parametrize("interpreter", ["mine-0123456789", "arn:aws:s3:::bucket", "a b/ü?", "..%2f"])
@pytest.mark.aws("assumed", "Requests", "An unknown interpreter is a `ResourceNotFoundException`")
def test_another_interpreter_is_not_found(running: Running, interpreter: str) -> None:
    with pytest.raises(ClientError) as raised:
        start(running.client(), interpreter)
    assert code(raised) == "ResourceNotFoundException"


@pytest.mark.aws("assumed", "Requests", "An unknown session is a `ResourceNotFoundException`")
def test_an_unknown_session_is_not_found(running: Running) -> None:
    client = running.client()
    reference = {"codeInterpreterIdentifier": "local", "sessionId": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
    for operation in (client.get_code_interpreter_session, client.stop_code_interpreter_session):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            operation(**reference)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        invoke(client, reference["sessionId"], "ls")


@pytest.mark.aws(
    "recorded", "Sessions", "A stopped session is `Session already terminated` to a stop, `is not active` to an invoke"
)
def test_a_session_that_has_ended_is_refused_as_recorded(running: Running) -> None:
    client = running.client()
    session = start(client)
    client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with pytest.raises(client.exceptions.ConflictException, match=f"Session already terminated: {session}"):
        client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with pytest.raises(
        client.exceptions.ValidationException, match=f"Code interpreter session {session} is not active"
    ):
        invoke(client, session, "ls")


@pytest.mark.aws("documented", "Sessions", "A repeated start with the same client token gets the same session")
def test_the_same_client_token_starts_one_session(running: Running) -> None:
    client = running.client()
    token = "0123456789-0123456789-0123456789-abc"
    assert start(client, clientToken=token) == start(client, clientToken=token)
    assert len(running.sandboxes) == 1
    with pytest.raises(client.exceptions.ValidationException) as raised:
        start(client, clientToken=token, name="other")
    assert dict(raised.value.response)["reason"] == "IdempotentParameterMismatchException"


@pytest.mark.aws("assumed", "Sessions", "A repeated stop with the same client token succeeds")
def test_the_same_client_token_stops_twice(running: Running) -> None:
    client = running.client()
    reference = {"codeInterpreterIdentifier": "local", "sessionId": start(client)}
    token = "0123456789-0123456789-0123456789-abc"
    first = client.stop_code_interpreter_session(**reference, clientToken=token)
    assert (
        client.stop_code_interpreter_session(**reference, clientToken=token)["lastUpdatedAt"] == first["lastUpdatedAt"]
    )


@pytest.mark.aws("assumed", "Sessions", "Lists are in order of creation, newest first")
def test_sessions_are_listed_in_pages_newest_first(running: Running) -> None:
    client = running.client()
    sessions = [start(client, name=f"n{number}") for number in range(12)]
    first = client.list_code_interpreter_sessions(codeInterpreterIdentifier="local")
    assert [item["sessionId"] for item in first["items"]] == sessions[:1:-1]
    start(client)  # one more between two pages moves nothing
    second = client.list_code_interpreter_sessions(codeInterpreterIdentifier="local", nextToken=first["nextToken"])
    assert [item["sessionId"] for item in second["items"]] == sessions[1::-1]
    assert "nextToken" not in second


@pytest.mark.aws("assumed", "Sessions", "`local` and `aws.codeinterpreter.v1` are one interpreter")
def test_sessions_are_listed_by_status(running: Running) -> None:
    client = running.client()
    sessions = [start(client) for _ in range(4)]
    client.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=sessions[1])
    running.sessions.find("local", sessions[2]).sandbox.close()  # it died
    listed = {
        status: client.list_code_interpreter_sessions(codeInterpreterIdentifier=SYSTEM, status=status)["items"]
        for status in ("READY", "TERMINATED")
    }
    assert [item["sessionId"] for item in listed["READY"]] == [sessions[3], sessions[0]]
    assert [item["sessionId"] for item in listed["TERMINATED"]] == [sessions[2], sessions[1]]


@pytest.mark.parametrize("token", ["x", "YmVmb3JlIHg", "YWZ0ZXIgMQ", "ü", "=" * 100])
def test_a_forged_page_token_is_refused(running: Running, token: str) -> None:
    client = running.client()
    with pytest.raises(client.exceptions.ValidationException, match="nextToken"):
        client.list_code_interpreter_sessions(codeInterpreterIdentifier="local", nextToken=token)


# Invokes


@pytest.mark.aws("assumed", "Invokes", "A session that ends under an invoke ends its stream with `validationException`")
def test_an_invoke_whose_session_is_stopped_ends_with_a_modelled_exception(running: Running) -> None:
    client, other = running.client(), running.client()
    session = start(client)
    stream = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local", sessionId=session, name="executeCommand", arguments={"command": "wait"}
    )["stream"]
    assert running.tools.started.wait(LONG)
    other.stop_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with closing(stream), pytest.raises(EventStreamError, match=f"session {session} is not active") as raised:
        list(stream)
    assert raised.value.response["Error"]["Code"] == "validationException"


@pytest.mark.aws("assumed", "Invokes", "A tool is stopped when its caller hangs up")
def test_a_caller_that_hangs_up_cancels_its_tool(running: Running) -> None:
    client = running.client()
    stream = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local",
        sessionId=start(client),
        name="executeCommand",
        arguments={"command": "wait"},
    )["stream"]
    assert running.tools.started.wait(LONG)
    assert not running.tools.cancelled.is_set()
    stream.close()
    assert running.tools.cancelled.wait(LONG)


@pytest.mark.aws(
    "assumed",
    "Invokes",
    "An invoke of more than 15 minutes ends with `serviceQuotaExceededException`",
)
def test_an_invoke_has_a_time_limit(tmp_path: Path) -> None:
    with service.serve(tmp_path, max_invoke=0.05) as running:
        client = running.client()
        session = start(client)
        with pytest.raises(EventStreamError, match=r"took longer than 0\.05 seconds") as raised:
            invoke(client, session, "wait")
        assert raised.value.response["Error"]["Code"] == "serviceQuotaExceededException"
        assert running.tools.cancelled.is_set()
        assert len(invoke(client, session, "ls")) == 1


@pytest.mark.parametrize(("command", "said"), [("bug", "see its log"), ("fail", "the tool broke")])
def test_a_failure_of_the_service_ends_the_stream_well(running: Running, command: str, said: str) -> None:
    client = running.client()
    with pytest.raises(EventStreamError, match=said) as raised:
        invoke(client, start(client), command)
    assert raised.value.response["Error"]["Code"] == "internalServerException"


@pytest.mark.aws("assumed", "Invokes", "A result of more than 24 MiB of JSON is a `serviceQuotaExceededException`")
def test_a_large_result_arrives_and_one_too_large_is_told(running: Running) -> None:
    client = running.client()
    session = start(client)
    ((size,),) = [[len(event["result"]["content"][0]["text"]) for event in invoke(client, session, "size 20000000")]]
    assert size == 20_000_000
    with pytest.raises(EventStreamError, match="in parts") as raised:
        invoke(client, session, "size 26000000")
    assert raised.value.response["Error"]["Code"] == "serviceQuotaExceededException"


def test_requests_are_recorded_without_keys_and_bodies(running: Running) -> None:
    client = running.client()
    session = start(client, name="secret-name")
    invoke(client, session, "secret-command")
    with pytest.raises(ClientError):
        start(client, "unknown")
    assert eventually(lambda: len(running.requests) == 6)
    performed, answered = running.requests[::2], running.requests[1::2]
    assert [entry["operation"] for entry in performed] == [
        "StartCodeInterpreterSession",
        "InvokeCodeInterpreter",
        "StartCodeInterpreterSession",
    ]
    assert (performed[1]["sessionId"], performed[1]["tool"]) == (session, "executeCommand")
    assert [entry["requestId"] for entry in performed] == [entry["requestId"] for entry in answered]
    outcomes = [(entry["method"], entry["status"], entry.get("error")) for entry in answered]
    assert outcomes == [("PUT", 200, None), ("POST", 200, None), ("PUT", 404, "ResourceNotFoundException")]
    text = json.dumps(running.requests)
    assert "secret" not in text
    assert KEYS.access_key_id not in text
