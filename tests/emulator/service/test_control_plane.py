"""The control plane over its real socket: interpreters as boto3 creates, sees and deletes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from agentcore_emulator.attached import Roots
from agentcore_emulator.service import interpreters
from support import certificates, service
from support.local import exports
from support.processes import eventually
from support.service import LONG

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

    from support.local import Local
    from support.service import Running

SANDBOX = {"networkMode": "SANDBOX"}
VPC = {"networkMode": "VPC", "vpcConfig": {"subnets": ["subnet-12345678"], "securityGroups": ["sg-12345678"]}}
ROLE = "arn:aws:iam::123456789012:role/x"
EFS = "arn:aws:elasticfilesystem:us-east-1:123456789012"
FILE_SYSTEM = f"{EFS}:file-system/fs-01234567"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret"
TOKEN = "0123456789-0123456789-0123456789-abc"


def mount(path: str, number: int = 0) -> dict[str, Any]:
    """A file system of EFS, one of some, as the API takes it."""
    point = f"{EFS}:access-point/fsap-0123456{number}"
    return {"efsConfiguration": {"accessPointArn": point, "fileSystemArn": FILE_SYSTEM, "mountPath": path}}


def certificate(name: str) -> dict[str, Any]:
    return {"location": {"secretsManager": {"secretArn": f"{SECRET}:{name}"}}}


def create(client: Any, name: str = "mine", network: Any = SANDBOX, **more: Any) -> str:
    made = client.create_code_interpreter(name=name, networkConfiguration=network, **more)
    return str(made["codeInterpreterId"])


@pytest.fixture
def creating(running: Running, monkeypatch: pytest.MonkeyPatch) -> str:
    """An interpreter that stays CREATING."""
    with monkeypatch.context() as patch:
        patch.setattr(interpreters, "TRANSITION", LONG)
        return create(running.control(), "slow")


def ready(client: BedrockAgentCoreControlClient, interpreter: str) -> bool:
    return eventually(lambda: client.get_code_interpreter(codeInterpreterId=interpreter)["status"] == "READY")


def gone(client: BedrockAgentCoreControlClient, interpreter: str) -> bool:
    listed = client.list_code_interpreters(type="CUSTOM")["codeInterpreterSummaries"]
    return interpreter not in [item["codeInterpreterId"] for item in listed]


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return raised.value.response["Error"]["Code"]


@pytest.mark.aws("documented", "Interpreters", "An interpreter is CREATING, READY, DELETING, and gone")
def test_an_interpreter_from_creation_to_deletion(running: Running) -> None:
    client: Any = running.control()
    made = client.create_code_interpreter(
        name="mine", networkConfiguration=VPC, description="for tests", executionRoleArn=ROLE, tags={"a": "b"}
    )
    interpreter = made["codeInterpreterId"]
    assert re.fullmatch("mine-[a-zA-Z0-9]{10}", interpreter)
    arn = f"arn:aws:bedrock-agentcore:us-east-1:{interpreters.ACCOUNT}:code-interpreter-custom/{interpreter}"
    assert (made["codeInterpreterArn"], made["status"]) == (arn, "CREATING")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert ready(client, interpreter)
    got = client.get_code_interpreter(codeInterpreterId=interpreter)
    assert (got["name"], got["description"], got["executionRoleArn"]) == ("mine", "for tests", ROLE)
    assert (got["networkConfiguration"], got["codeInterpreterArn"]) == (VPC, arn)
    assert made["createdAt"] == got["createdAt"] < got["lastUpdatedAt"]
    deleted = client.delete_code_interpreter(codeInterpreterId=interpreter)
    assert (deleted["status"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("DELETING", 202)
    assert eventually(lambda: gone(client, interpreter))
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_code_interpreter(codeInterpreterId=interpreter)


@pytest.mark.aws("documented", "Interpreters", "The sessions of an interpreter have to be stopped before it is deleted")
@pytest.mark.aws(
    "assumed",
    "Interpreters",
    "To delete one with sessions, or start a session of one that is not READY, is a `ConflictException`",
)
def test_a_created_interpreter_has_sessions_by_id_and_arn(running: Running, creating: str) -> None:
    control, client = running.control(), running.client()
    with pytest.raises(client.exceptions.ConflictException, match="is CREATING"):
        client.start_code_interpreter_session(codeInterpreterIdentifier=creating)
    interpreter = create(control)
    assert ready(control, interpreter)
    arn = control.get_code_interpreter(codeInterpreterId=interpreter)["codeInterpreterArn"]
    session = client.start_code_interpreter_session(codeInterpreterIdentifier=arn)["sessionId"]
    reference = {"codeInterpreterIdentifier": interpreter, "sessionId": session}
    assert client.get_code_interpreter_session(**reference)["status"] == "READY"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_code_interpreter_session(codeInterpreterIdentifier="local", sessionId=session)
    with pytest.raises(control.exceptions.ConflictException, match="has active sessions"):
        control.delete_code_interpreter(codeInterpreterId=interpreter)
    client.stop_code_interpreter_session(**reference)
    control.delete_code_interpreter(codeInterpreterId=interpreter)
    with pytest.raises(ClientError) as raised:
        client.start_code_interpreter_session(codeInterpreterIdentifier=interpreter)
    assert code(raised) in {"ConflictException", "ResourceNotFoundException"}


@pytest.mark.parametrize(("network", "shared"), [({"networkMode": "PUBLIC"}, True), (SANDBOX, False), (VPC, False)])
@pytest.mark.aws("assumed", "Interpreters", "Sessions of VPC mode have no network here, as those of SANDBOX mode")
def test_only_public_mode_shares_the_network(running: Running, network: Any, shared: object) -> None:
    interpreter = create(running.control(), network=network)
    assert ready(running.control(), interpreter)
    running.client().start_code_interpreter_session(codeInterpreterIdentifier=interpreter)
    assert [made.network for made in running.sandboxes] == [shared]


@pytest.mark.aws(
    "documented", "Interpreters", "A session has the file systems and certificates of its interpreter, and its own"
)
def test_sessions_have_what_is_attached_to_both(tmp_path: Path) -> None:
    roots = Roots(tmp_path / "mounts", tmp_path / "secrets")
    for folder in (tmp_path / "mounts", tmp_path / "secrets" / "team"):
        folder.mkdir(parents=True)
    signed, key = certificates.self_signed("an inspector", authority=True)
    tmp_path.joinpath("secrets", "team", "ca-AbCdEf").write_bytes(key + signed)
    with service.serve(tmp_path / "sessions", roots=roots) as running:
        control, client = running.control(), running.client()
        given: Any = {"filesystemConfigurations": [mount("/mnt/a")], "certificates": [certificate("team/ca-AbCdEf")]}
        interpreter = create(control, network=VPC, **given)
        assert ready(control, interpreter)
        assert given.items() <= control.get_code_interpreter(codeInterpreterId=interpreter).items()
        more: Any = {"filesystemConfigurations": [mount("/mnt/b/", 1)]}
        started = client.start_code_interpreter_session(codeInterpreterIdentifier=interpreter, **more)
        reference = {"codeInterpreterIdentifier": interpreter, "sessionId": started["sessionId"]}
        session = client.get_code_interpreter_session(**reference)
        assert session["filesystemConfigurations"] == [mount("/mnt/a"), mount("/mnt/b/", 1)]
        assert session["certificates"] == given["certificates"]
        attached = running.sandboxes[0].attached
        folders = {"/mnt/a": roots.folder("x/fsap-01234560"), "/mnt/b": roots.folder("x/fsap-01234561")}
        assert (attached.mounts, attached.certificates) == (folders, signed.decode())
        with pytest.raises(ClientError, match="must be unique"):
            client.start_code_interpreter_session(codeInterpreterIdentifier=interpreter, **given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"filesystemConfigurations": [mount("/mnt/a", 1)]}, "Not a directory"),
        ({"filesystemConfigurations": [mount("/mnt/a", 2)]}, "Not a directory"),
        ({"certificates": [certificate("no-AbCdEf")]}, "no-AbCdEf is not there"),
        ({"certificates": [certificate("../outside")]}, "is not there"),
        ({"certificates": [certificate("/../outside")]}, "is not there"),
        ({"certificates": [certificate("link")]}, "is not there"),
        ({"certificates": [certificate("folder")]}, "is not there"),
        ({"certificates": [certificate("text")]}, "holds no X.509 certificate"),
        ({"certificates": [certificate("key")]}, "holds no X.509 certificate"),
        ({"certificates": [certificate("large")]}, "more than 65536 bytes"),
        ({"certificates": [certificate("expired")]}, "is valid from"),
        ({"certificates": [certificate("server")]}, "no certificate of an authority"),
    ],
)
@pytest.mark.aws("assumed", "Interpreters", "A mount or a certificate that cannot be had is a `ValidationException`")
@pytest.mark.aws("assumed", "Interpreters", "A certificate must be one of an authority")
def test_what_cannot_be_attached_is_told(tmp_path: Path, given: Any, told: str) -> None:
    mounts, secrets = tmp_path / "mounts", tmp_path / "secrets"
    mounts.mkdir()
    secrets.mkdir()
    mounts.joinpath("fsap-01234561").symlink_to("/etc")
    mounts.joinpath("fsap-01234562").write_text("")
    signed, key = certificates.self_signed("an inspector", authority=True)
    tmp_path.joinpath("outside").write_bytes(signed)
    secrets.joinpath("link").symlink_to(tmp_path / "outside")
    secrets.joinpath("folder").mkdir()
    for name, content in {
        "text": b"x",
        "key": key,
        "large": signed * 200,
        "server": certificates.self_signed("a server")[0],
        "expired": certificates.self_signed("an inspector", days=-1, authority=True)[0],
    }.items():
        secrets.joinpath(name).write_bytes(content)
    with service.serve(tmp_path / "sessions", roots=Roots(mounts, secrets)) as running:
        client = running.client()
        with pytest.raises(client.exceptions.ValidationException, match=told):
            client.start_code_interpreter_session(codeInterpreterIdentifier="local", **given)
        assert running.sandboxes == []


def test_without_roots_there_is_nothing_to_attach(running: Running) -> None:
    client: Any = running.client()
    for given in ({"filesystemConfigurations": [mount("/mnt/a")]}, {"certificates": [certificate("x")]}):
        with pytest.raises(ClientError, match="agentcore-sandbox local serve --"):
            client.start_code_interpreter_session(codeInterpreterIdentifier="local", **given)


@pytest.mark.aws("assumed", "Interpreters", "A second interpreter of a name is a `ConflictException`")
def test_a_name_is_taken_until_its_interpreter_is_gone(running: Running, creating: str) -> None:
    client = running.control()
    interpreter = create(client)
    with pytest.raises(client.exceptions.ConflictException, match="mine already exists"):
        create(client)
    with pytest.raises(client.exceptions.ConflictException, match="is CREATING"):
        client.delete_code_interpreter(codeInterpreterId=creating)
    assert ready(client, interpreter)
    client.delete_code_interpreter(codeInterpreterId=interpreter)
    assert eventually(lambda: gone(client, interpreter))
    assert create(client) != interpreter


@pytest.mark.aws("documented", "Interpreters", "Client tokens make creation and deletion idempotent")
def test_client_tokens_make_requests_idempotent(running: Running) -> None:
    client = running.control()
    interpreter = create(client, clientToken=TOKEN, tags={"a": "b", "c": "d"})
    assert create(client, clientToken=TOKEN, tags={"c": "d", "a": "b"}) == interpreter
    with pytest.raises(ClientError) as raised:
        create(client, clientToken=TOKEN, description="another")
    assert dict(raised.value.response)["reason"] == "IdempotentParameterMismatchException"
    assert ready(client, interpreter)
    first, second = (client.delete_code_interpreter(codeInterpreterId=interpreter, clientToken=TOKEN) for _ in range(2))
    assert first["lastUpdatedAt"] == second["lastUpdatedAt"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "with-hyphen"},
        {"networkConfiguration": {"networkMode": "VPC"}},
        {"networkConfiguration": {**VPC, "networkMode": "PUBLIC"}},
        {
            "networkConfiguration": {
                "networkMode": "VPC",
                "vpcConfig": {"subnets": ["x"], "securityGroups": ["sg-12345678"]},
            }
        },
        {"executionRoleArn": "arn:aws:s3:::bucket/role"},
        {"tags": {"a": "*"}},
        {"tags": {"aws:a": ""}},
        {"filesystemConfigurations": [mount("/mnt/data")]},
        {"networkConfiguration": VPC, "filesystemConfigurations": [mount("/mnt/.."), mount("/mnt/x")]},
        {"networkConfiguration": VPC, "filesystemConfigurations": [mount("/mnt/x"), mount("/mnt/x/")]},
    ],
)
@pytest.mark.aws("assumed", "Interpreters", "vpcConfig goes with networkMode VPC and no other; mounts need a VPC")
@pytest.mark.aws("assumed", "Interpreters", "Two mounts of one path, `/mnt/.` and `/mnt/..` are refused")
def test_what_is_wrong_is_refused(running: Running, wrong: dict[str, Any]) -> None:
    client: Any = running.control()
    with pytest.raises(ClientError) as raised:
        client.create_code_interpreter(**{"name": "mine", "networkConfiguration": SANDBOX, **wrong})
    assert code(raised) == "ValidationException"
    assert client.list_code_interpreters(type="CUSTOM")["codeInterpreterSummaries"] == []


ARN = f"arn:aws:bedrock-agentcore:us-east-1:{interpreters.ACCOUNT}:code-interpreter-custom/"


@pytest.mark.aws("documented", "Interpreters", "Tags can be put, listed and taken away")
@pytest.mark.aws(
    "assumed", "Interpreters", "An interpreter has at most 50 tags; to remove one that is not there is no error"
)
def test_tags_are_put_listed_and_taken_away(running: Running) -> None:
    client = running.control()
    arn = ARN + create(client, tags={"a": "1", "b": "2"})
    client.tag_resource(resourceArn=arn, tags={"b": "3", "c d": ""})
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "3", "c d": ""}
    done = client.untag_resource(resourceArn=arn, tagKeys=["a", "c d", "not there"])
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "3"}
    client.tag_resource(resourceArn=arn, tags={str(number): "" for number in range(49)})
    with pytest.raises(client.exceptions.ServiceQuotaExceededException, match="can have 50 tags"):
        client.tag_resource(resourceArn=arn, tags={"one": "more"})
    client.tag_resource(resourceArn=arn, tags={"48": "another value"})


@pytest.mark.parametrize(
    ("arn", "tags", "expected"),
    [
        (None, {"aws:a": "b"}, "ValidationException"),
        (None, {"AWS:": ""}, "ValidationException"),
        (None, {"a": "*"}, "ValidationException"),
        (None, {str(number): "" for number in range(51)}, "ValidationException"),
        (f"{ARN}other-0123456789", {}, "ResourceNotFoundException"),
        ("arn:aws:bedrock-agentcore:us-east-1:000000000000:memory/x", {}, "ResourceNotFoundException"),
        (f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{interpreters.SYSTEM}", {}, "ValidationException"),
    ],
)
@pytest.mark.aws("assumed", "Interpreters", "A tag's key must not begin with `aws:`")
def test_wrong_tags_are_refused(running: Running, arn: str | None, tags: dict[str, str], expected: str) -> None:
    client = running.control()
    made = ARN + create(client)
    with pytest.raises(ClientError) as raised:
        client.tag_resource(resourceArn=arn or made, tags=tags)
    assert code(raised) == expected
    assert client.list_tags_for_resource(resourceArn=made)["tags"] == {}


@pytest.mark.aws("assumed", "Interpreters", "Lists are in order of creation, newest first, the system's last")
def test_lists_have_pages_and_kinds(running: Running) -> None:
    client = running.control()
    made = [create(client, f"number_{number}") for number in range(4)]
    first = client.list_code_interpreters(maxResults=3)
    second = client.list_code_interpreters(maxResults=3, nextToken=first["nextToken"])
    listed = [item["codeInterpreterId"] for page in (first, second) for item in page["codeInterpreterSummaries"]]
    assert listed == [*reversed(made), interpreters.SYSTEM]
    assert "nextToken" not in second
    system = client.list_code_interpreters(type="SYSTEM")["codeInterpreterSummaries"]
    arn = f"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/{interpreters.SYSTEM}"
    assert [item["codeInterpreterArn"] for item in system] == [arn]
    with pytest.raises(ClientError, match="nextToken"):
        client.list_code_interpreters(nextToken="x")


def test_the_systems_interpreter_is_there_to_stay(running: Running) -> None:
    client = running.control()
    got = client.get_code_interpreter(codeInterpreterId=interpreters.SYSTEM)
    assert (got["status"], got["networkConfiguration"]) == ("READY", SANDBOX)
    with pytest.raises(ClientError, match="cannot be deleted"):
        client.delete_code_interpreter(codeInterpreterId=interpreters.SYSTEM)


@pytest.mark.aws("assumed", "Interpreters", "The 1001st interpreter is a `ServiceQuotaExceededException`")
def test_interpreters_are_limited(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "MAX_INTERPRETERS", 1)
    create(running.control())
    with pytest.raises(ClientError, match=r"\(1\) reached") as raised:
        create(running.control(), "another")
    assert code(raised) == "ServiceQuotaExceededException"


def control_of(variables: dict[str, str]) -> BedrockAgentCoreControlClient:
    return boto3.client(
        "bedrock-agentcore-control",
        endpoint_url=variables["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def test_created_interpreters_outlive_the_service(local: Local) -> None:
    client = control_of(exports(local.text("local", "env")))
    interpreter = create(client, tags={"a": "b"})
    assert ready(client, interpreter)
    assert local.text("local", "stop") == "stopped\n"
    kept = local.runtime / "interpreters.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    variables = exports(local.text("local", "env"))
    assert local.text("run", "--interpreter-id", interpreter, "print(6 * 7)", env=variables) == "42"
    assert local.text("local", "stop") == "stopped\n"
    kept.write_text("{")
    with pytest.raises(ClientError, match="not found"):
        control_of(exports(local.text("local", "env"))).get_code_interpreter(codeInterpreterId=interpreter)
