"""Sessions through boto3: what a client may rely on, and the errors that tell it that a session is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from support.processes import eventually

if TYPE_CHECKING:
    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

    from support.target import Session, Target

GONE = {"ValidationException", "ResourceNotFoundException", "ConflictException"}


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


def test_a_session_is_ready_listed_and_described(client: BedrockAgentCoreClient, session: Session) -> None:
    got = client.get_code_interpreter_session(
        codeInterpreterIdentifier=session.interpreter, sessionId=session.session_id
    )
    assert (got["sessionId"], got["status"], got["sessionTimeoutSeconds"]) == (session.session_id, "READY", 600)
    listed = client.list_code_interpreter_sessions(
        codeInterpreterIdentifier=session.interpreter, status="READY", maxResults=100
    )
    assert session.session_id in [item["sessionId"] for item in listed["items"]]
    assert len(session.session_id) == 26


def test_a_session_ends_at_its_lifetime(client: BedrockAgentCoreClient, target: Target) -> None:
    started = client.start_code_interpreter_session(
        codeInterpreterIdentifier=target.interpreter, sessionTimeoutSeconds=1, name="short"
    )
    reference = {"codeInterpreterIdentifier": target.interpreter, "sessionId": started["sessionId"]}
    assert eventually(lambda: client.get_code_interpreter_session(**reference)["status"] == "TERMINATED")
    with pytest.raises(ClientError) as raised:
        client.invoke_code_interpreter(**reference, name="executeCommand", arguments={"command": "true"})
    assert code(raised) in GONE
    with pytest.raises(ClientError) as raised:
        client.stop_code_interpreter_session(**reference)
    assert code(raised) in GONE


def test_the_same_client_token_starts_one_session(client: BedrockAgentCoreClient, target: Target) -> None:
    token = "conformance-0123456789-0123456789-0123456789"
    asked = {"codeInterpreterIdentifier": target.interpreter, "sessionTimeoutSeconds": 60, "clientToken": token}
    first, second = (client.start_code_interpreter_session(**asked) for _ in range(2))  # type: ignore[arg-type]
    assert first["sessionId"] == second["sessionId"]
    client.stop_code_interpreter_session(codeInterpreterIdentifier=target.interpreter, sessionId=first["sessionId"])


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("executeCode", {"language": "perl", "code": "1"}), ("noSuchTool", {}), ("executeCode", {"runtime": "cobol"})],
)
@pytest.mark.aws("documented", "Requests", "What the model forbids is a `ValidationException`")
def test_what_the_model_forbids_is_refused(session: Session, tool: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        session.invoke(tool, **arguments)
    assert code(raised) == "ValidationException"


def test_an_interpreter_that_is_not_there(client: BedrockAgentCoreClient) -> None:
    with pytest.raises(ClientError) as raised:
        client.start_code_interpreter_session(codeInterpreterIdentifier="nothing_here-0123456789")
    assert code(raised) in {"ResourceNotFoundException", "AccessDeniedException"}


@pytest.mark.aws("documented", "Sessions", "Sessions do not see each other")
def test_sessions_do_not_see_each_other(client: BedrockAgentCoreClient, target: Target, session: Session) -> None:
    started = client.start_code_interpreter_session(codeInterpreterIdentifier=target.interpreter)
    other = type(session)(client, target.interpreter, started["sessionId"])
    session.invoke("executeCode", code="secret = 1; open('secret', 'w').write('1')", language="python")
    answer = other.invoke("executeCode", code="import os; print(os.listdir('.'), 'secret' in globals())")
    assert answer["structuredContent"]["stdout"] == "[] False"
    client.stop_code_interpreter_session(codeInterpreterIdentifier=target.interpreter, sessionId=started["sessionId"])
