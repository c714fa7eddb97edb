"""Many sessions at once with mixed work: nothing is mixed up, nothing stays behind.

AGENTCORE_TEST_LOAD=SESSIONS:SECONDS changes the size.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from support.local import serving
from support.processes import children, eventually
from support.target import Session

if TYPE_CHECKING:
    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

    from support.local import Local

SESSIONS, SECONDS = (int(number) for number in os.environ.get("AGENTCORE_TEST_LOAD", "200:60").split(":"))
PATIENCE = 300.0  # seconds; a hang, not a busy machine


def make_client(variables: dict[str, str]) -> BedrockAgentCoreClient:
    """A client for so many threads; it sends nothing twice."""
    return boto3.client(
        "bedrock-agentcore",
        endpoint_url=variables["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            retries={"total_max_attempts": 1}, read_timeout=PATIENCE, max_pool_connections=SESSIONS, tcp_keepalive=True
        ),
    )


def start(client: BedrockAgentCoreClient) -> Session:
    started = client.start_code_interpreter_session(codeInterpreterIdentifier="local", sessionTimeoutSeconds=3600)
    return Session(client, "local", started["sessionId"])


def counts(session: Session, number: int) -> None:
    """A variable survives from round to round and is this session's own."""
    code = f"count = globals().get('count', 0) + 1\nprint({session.session_id!r}, count)"
    assert session.invoke("executeCode", code=code)["structuredContent"]["stdout"] == f"{session.session_id} {number}"


def keeps_files(session: Session, number: int) -> None:
    text = f"{session.session_id} {number}\n" * 50
    session.invoke("writeFiles", content=[{"path": "own.txt", "text": text}])
    assert session.invoke("readFiles", paths=["own.txt"])["content"][0]["resource"]["text"] == text


def runs_commands(session: Session, number: int) -> None:
    answer = session.invoke("executeCommand", command=f"echo {session.session_id} {number}; exit 7")
    assert answer["structuredContent"]["stderr"].split() == [session.session_id, str(number)]
    assert answer["structuredContent"]["exitCode"] == 7


def raises(session: Session, number: int) -> None:
    answer = session.invoke("executeCode", code=f"raise ValueError('{session.session_id} {number}')")
    assert answer["structuredContent"]["stderr"].endswith(f"ValueError: {session.session_id} {number}")


def runs_tasks(session: Session, number: int) -> None:
    command = f"sleep 0.2; echo {session.session_id} {number}"
    task = session.invoke("startCommandExecution", command=command)["structuredContent"]["taskId"]
    last: dict[str, Any] = {}

    def completed() -> bool:
        last.update(session.invoke("getTask", taskId=task)["structuredContent"])
        return bool(last["taskStatus"] == "completed")

    assert eventually(completed)
    assert last["stdout"].split() == [session.session_id, str(number)]


WORK = (counts, keeps_files, runs_commands, raises, runs_tasks)


def works(session: Session, until: float) -> int:
    """Work round after round, one at least; return how many."""
    number = 0
    while not number or time.monotonic() < until:
        number += 1
        for work in WORK:
            work(session, number)
    return number


@pytest.mark.timeout(900)
def test_many_sessions_with_mixed_work_mix_nothing_up(local: Local) -> None:
    with serving(local, "--max-sessions", str(SESSIONS)) as (process, variables), ThreadPoolExecutor(SESSIONS) as pool:
        client = make_client(variables)
        sessions = list(pool.map(start, [client] * SESSIONS))
        assert len({session.session_id for session in sessions}) == local.status()["sessions"] == SESSIONS
        until = time.monotonic() + SECONDS
        began = time.monotonic()
        rounds = sum(pool.map(works, sessions, [until] * SESSIONS))
        print(f"{rounds} rounds of {len(WORK)} pieces of work in {time.monotonic() - began:.0f} s")  # noqa: T201 - the figure
        for answer in pool.map(stop, sessions):
            assert answer
        client.close()
        assert local.status()["sessions"] == 0
        assert eventually(lambda: children(process.pid) == [])
        assert list((local.runtime / "sessions").iterdir()) == []


def stop(session: Session) -> bool:
    stopped = session.client.stop_code_interpreter_session(
        codeInterpreterIdentifier="local", sessionId=session.session_id
    )
    return stopped["sessionId"] == session.session_id
