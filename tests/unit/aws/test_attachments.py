"""Mounts and certificates: how they are written, and that requests with them are those that boto3 makes itself."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.aws import attachments, connect
from agentcore_sandbox.aws.attachments import NOTHING, Attachments, Mount
from agentcore_sandbox.aws.interpreter_client import InterpreterClient
from agentcore_sandbox.aws.interpreters import Network
from agentcore_sandbox.aws.session_client import SessionClient
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.settings import Settings
from support.mounts import BOTH, EFS, EFS_POINT, MOUNTS, S3, S3_POINT, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = "arn:aws:iam::111122223333:role/r"


class SentError(BaseException):
    """Instead of an answer."""


def sent(client: Any, call: Any) -> tuple[str, str, dict[str, Any]]:
    """Method, path and body of the request that a call makes; it is not sent."""
    found = []

    def hold(request: Any, **_: Any) -> None:
        found.append((request.method, request.url.partition("amazonaws.com")[2], json.loads(request.body)))
        raise SentError

    client.meta.events.register("before-send", hold)
    with suppress(SentError):
        call()
    client.meta.events.unregister("before-send", hold)
    method, path, body = found[0]
    body.pop("clientToken")
    return method, path, body


@pytest.fixture
def connection() -> connect.Connection:
    session = boto3.Session("AKIDEXAMPLE", "dummy-secret", region_name="us-east-1")
    return connect.Connection(Settings("demo-0123456789"), session)


def test_what_creates_an_interpreter_is_what_boto3_would_send(connection: connect.Connection) -> None:
    ours = InterpreterClient(connection)
    network = Network("VPC", ("subnet-12345678",), ("sg-12345678",))
    attached = attachments.read(MOUNTS, [SECRET])
    plain: Any = connection.session.client("bedrock-agentcore-control")
    theirs = sent(
        plain,
        lambda: plain.create_code_interpreter(
            name="demo",
            executionRoleArn=ROLE,
            networkConfiguration={
                "networkMode": "VPC",
                "vpcConfig": {"subnets": ["subnet-12345678"], "securityGroups": ["sg-12345678"]},
            },
            tags={},
            **BOTH,
        ),
    )
    assert sent(ours._client, lambda: ours.create("demo", network, role=ROLE, tags={}, attached=attached)) == theirs


def test_what_starts_a_session_is_what_boto3_would_send(connection: connect.Connection) -> None:
    ours = SessionClient(connection)
    attached = attachments.read(MOUNTS, [SECRET, SECRET])
    plain: Any = connection.session.client("bedrock-agentcore")
    theirs = sent(
        plain,
        lambda: plain.start_code_interpreter_session(
            codeInterpreterIdentifier="demo-0123456789", name="work", sessionTimeoutSeconds=60, **BOTH
        ),
    )
    assert sent(ours._client, lambda: ours.start(lifetime=60, name="work", attached=attached)) == theirs
    bare = sent(ours._client, lambda: ours.start(lifetime=60, name="work"))
    assert bare[2] == {"name": "work", "sessionTimeoutSeconds": 60}


def test_answers_are_read_back() -> None:
    attached = attachments.read(MOUNTS, [SECRET])
    assert attachments.of(BOTH) == attached == Attachments.of_text(attached.as_text())
    assert attachments.of({}) == NOTHING == Attachments.of_text(NOTHING.as_text())
    assert attached.is_like(Attachments(attached.mounts[::-1], attached.certificates))
    assert not attached.is_like(NOTHING)


@pytest.mark.parametrize("given", [f"{EFS_POINT},{EFS}", f"{EFS_POINT},fs-01234567"])
def test_a_file_system_may_be_an_id_or_an_arn(given: str) -> None:
    assert Mount.read(f"/mnt/x={given}") == Mount("/mnt/x", EFS_POINT, EFS)


REFUSED = {
    "nothing": "",
    "no path": f"={S3_POINT}",
    "no access point": "/mnt/x=",
    "other folder": f"/data/x={S3_POINT}",
    "deeper": f"/mnt/x/y={S3_POINT}",
    "mnt itself": f"/mnt/={S3_POINT}",
    "folder above": f"/mnt/..={S3_POINT}",
    "the same folder": f"/mnt/.={S3_POINT}",
    "letters": f"/mnt/a b={S3_POINT}",
    "long": f"/mnt/{'x' * 200}={S3_POINT}",
    "file system instead": f"/mnt/x={S3}",
    "EFS without file system": f"/mnt/x={EFS_POINT}",
    "another's file system": f"/mnt/x={S3_POINT},fs-11111111111111111",
    "file system elsewhere": f"/mnt/x={EFS_POINT},{EFS.replace('us-east-1', 'us-east-2')}",
    "file system of another service": f"/mnt/x={EFS_POINT},{S3}",
    "another service": f"/mnt/x={S3_POINT.replace('s3files', 's3')}",
    "three": f"/mnt/x={EFS_POINT},fs-01234567,fs-01234567",
    "no ARN": "/mnt/x=fsap-01234567",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_mount_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        attachments.read([text], [])
    assert "PATH=ACCESS_POINT[,FILE_SYSTEM]" in refusal.value.hint


@pytest.mark.parametrize(
    ("mounts", "certificates", "told"),
    [
        ([MOUNTS[0], f"/mnt/s3/={S3_POINT}"], [], "the same path"),
        ([f"/mnt/{number}={S3_POINT}" for number in range(11)], [], "at most 10 mounts"),
        ([], [f"{SECRET}{number}" for number in range(201)], "and 200 certificates"),
        ([], ["root-ca"], "not a valid --certificate"),
        ([], [SECRET.replace("secretsmanager", "s3")], "not a valid --certificate"),
    ],
)
def test_too_much_and_no_secret_are_refused(mounts: list[str], certificates: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        attachments.read(mounts, certificates)


def pieces() -> Iterator[str]:
    yield from ("/mnt/x", "/mnt/..", "=", ",", "/", "..", S3, S3_POINT, EFS, EFS_POINT, "fs-01234567", "\n", "ü")


@given(st.lists(st.sampled_from(list(pieces())), max_size=6).map("".join))
def test_whatever_is_taken_boto3_takes_too(text: str) -> None:
    try:
        (configuration,) = attachments.read([text], []).members()["filesystemConfigurations"]
    except UsageError:
        return
    (values,) = configuration.values()
    assert values["mountPath"] == "/mnt/x"
    assert values["accessPointArn"] in (S3_POINT, EFS_POINT)
    assert values["fileSystemArn"] == (S3 if values["accessPointArn"] == S3_POINT else EFS)
