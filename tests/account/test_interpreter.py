"""`interpreter create|list|show|delete`: what it asks of the control plane, and what it says."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from support.local import serving
from support.mounts import CERTIFICATES, CONFIGURATIONS, MOUNTS, S3, S3_POINT, SECRET
from support.processes import DEADLINE, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from support.control_server import ControlServer

INSTALL = "claude plugin install aws-bedrock-agentcore-codeinterpreter@agentcore-sandbox"
SUBNETS = ["--subnet", "subnet-12345678", "--subnet", "subnet-12345679"]
GROUP = ["--security-group", "sg-12345678"]
ROLE = "arn:aws:iam::123456789012:role/r"


def create(admin: CommandLine, name: str = "demo", *words: str) -> str:
    done = admin.run("interpreter", "create", name, "--network", "sandbox", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def test_create_waits_and_prints_the_id_and_how_to_use_it(admin: CommandLine, control: ControlServer) -> None:
    words = ["--role", ROLE, "--network", "sandbox", "--tag", "team=a b", "--tag", "x="]
    done = admin.run("interpreter", "create", "demo", *words, "--region", "us-east-1")
    assert done.returncode == 0, done.stderr
    interpreter_id = done.stdout.decode().strip()
    assert control.interpreters[interpreter_id]["status"] == "READY"
    assert done.stderr.decode().splitlines() == [
        f"{interpreter_id} is being created",
        f"{interpreter_id} is CREATING",
        f"{interpreter_id} is READY",
        "to use it in a shell, or in Claude Code:",
        f"  export CUSTOM_AGENTCORE_INTERPRETER_ID={interpreter_id}",
        "  export CUSTOM_AGENTCORE_AWS_REGION=us-east-1",
        f"  {INSTALL} --config interpreter_id={interpreter_id} --config region=us-east-1",
    ]
    operation, body = control.requests[0]
    assert operation == "create"
    assert body["tags"] == {"team": "a b", "x": ""}
    assert body["executionRoleArn"] == ROLE
    assert len(body["clientToken"]) >= 33


def test_public_warns(admin: CommandLine, control: ControlServer) -> None:
    done = admin.run("interpreter", "create", "demo", "--network", "PUBLIC", "--json")
    assert done.returncode == 0, done.stderr
    assert b"warning: network public: code in the sandbox has full internet access" in done.stderr
    made = json.loads(done.stdout)
    assert (made["status"], made["networkMode"]) == ("READY", "PUBLIC")
    assert made["interpreterId"] in control.interpreters


def test_create_that_fails_says_why_and_how_to_clean_up(admin: CommandLine, control: ControlServer) -> None:
    control.outcome = "CREATE_FAILED"
    done = admin.run("interpreter", "create", "demo", "--network", "sandbox")
    assert (done.returncode, done.stdout) == (125, b"")
    (interpreter_id,) = control.interpreters
    assert f"error[CreateFailed]: {interpreter_id} is CREATE_FAILED: no capacity\n".encode() in done.stderr
    assert f"agentcore-sandbox interpreter delete {interpreter_id}".encode() in done.stderr


@pytest.mark.parametrize("held", ["create", "get"])
def test_interrupted_create_tells_the_id(admin: CommandLine, control: ControlServer, held: str) -> None:
    control.stop.operation = held
    child = admin.start("interpreter", "create", "demo", "--network", "sandbox")
    assert control.stop.reached.wait(DEADLINE)
    child.send_signal(signal.SIGINT)
    assert child.stderr
    if held == "create":  # its answer, with the id, is waited for
        assert child.stderr.readline() == b"agentcore-sandbox: stopping\n"
        control.stop.left.set()
    _, said = child.communicate(timeout=DEADLINE)
    control.stop.left.set()
    (interpreter_id,) = control.interpreters
    assert child.returncode == 128 + signal.SIGINT, said
    assert f"AWS continues to create it; see: agentcore-sandbox interpreter show {interpreter_id}; ".encode() in said
    assert b"Traceback" not in said


def test_lost_answer_does_not_make_a_second_one(admin: CommandLine, control: ControlServer) -> None:
    control.refusals["create"] = [(500, "InternalServerException", "again")]
    create(admin)
    tokens = {body["clientToken"] for operation, body in control.requests if operation == "create"}
    assert (control.operations().count("create"), len(tokens)) == (2, 1)


def test_list_follows_pages_and_show_tells_all(admin: CommandLine) -> None:
    ids = [create(admin, name) for name in ("one", "two", "three")]
    listed = json.loads(admin.run("interpreter", "list", "--json").stdout)["interpreters"]
    assert {found["interpreterId"] for found in listed} == {*ids, "aws.codeinterpreter.v1"}
    table = admin.run("interpreter", "list").stdout.decode().splitlines()
    assert table[0].split() == ["INTERPRETER", "NAME", "STATUS", "CREATED"]
    assert len(table) == 5
    shown = admin.run("interpreter", "show", ids[0]).stdout.decode()
    assert "networkMode: SANDBOX\n" in shown
    assert "tags:" not in shown
    assert "role" not in shown


def test_show_takes_an_arn_and_its_region(admin: CommandLine, control: ControlServer) -> None:
    interpreter_id = create(admin)
    arn = control.interpreters[interpreter_id]["codeInterpreterArn"]
    done = admin.run("interpreter", "show", arn, "--json", env={"AWS_REGION": ""})
    assert json.loads(done.stdout)["arn"] == arn


def test_tags_are_shown_and_changed(admin: CommandLine, control: ControlServer) -> None:
    interpreter_id = create(admin, "demo", "--tag", "team=a", "--tag", "old=")
    changed = admin.run("interpreter", "tag", interpreter_id, "--remove", "old", "team=b c", "stage=x=y")
    assert changed.returncode == 0, changed.stderr
    assert changed.stdout.endswith(b"tags: team=b c, stage=x=y\n")
    shown = json.loads(admin.run("interpreter", "show", interpreter_id, "--json").stdout)
    assert shown["tags"] == {"team": "b c", "stage": "x=y"}
    control.refusals["list_tags"] = [(403, "AccessDeniedException", "not authorized to perform: a:See on arn:x")]
    denied = admin.run("interpreter", "show", interpreter_id)
    assert (denied.returncode, b"tags" in denied.stdout) == (0, False)
    assert b"warning: its tags are not shown: not allowed: a:See" in denied.stderr


def test_mounts_and_certificates_are_sent_and_shown(admin: CommandLine, control: ControlServer) -> None:
    words = ["--network", "vpc", *SUBNETS, "--security-group", "sg-12345678", "--no-network-check", "--role", ROLE]
    done = admin.run("interpreter", "create", "demo", *words, "--mount", MOUNTS[0], "--certificate", SECRET)
    assert done.returncode == 0, done.stderr
    _, body = control.requests[0]
    assert (body["filesystemConfigurations"], body["certificates"]) == (CONFIGURATIONS[:1], CERTIFICATES)
    interpreter_id = done.stdout.decode().strip()
    shown = json.loads(admin.run("interpreter", "show", interpreter_id, "--json").stdout)
    mount = {"path": "/mnt/s3", "accessPoint": S3_POINT, "fileSystem": S3}
    assert (shown["mounts"], shown["certificates"]) == ([mount], [SECRET])
    text = admin.run("interpreter", "show", interpreter_id).stdout.decode()
    assert f"mounts: path=/mnt/s3, accessPoint={S3_POINT}, fileSystem={S3}\ncertificates: {SECRET}\n" in text


def test_delete_waits_for_one_that_is_still_being_created(admin: CommandLine, control: ControlServer) -> None:
    interpreter_id = create(admin)
    control.interpreters[interpreter_id]["status"], control.looks = "CREATING", 2
    done = admin.run("interpreter", "delete", interpreter_id, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{interpreter_id} is CREATING" in done.stderr.decode()
    assert interpreter_id not in control.interpreters


def test_delete_asks_for_yes_and_waits(admin: CommandLine, control: ControlServer) -> None:
    interpreter_id = create(admin)
    refused = admin.run("interpreter", "delete", interpreter_id)
    assert refused.returncode == 2
    assert b"add --yes" in refused.stderr
    assert interpreter_id in control.interpreters
    done = admin.run("interpreter", "delete", interpreter_id, "--yes")
    assert (done.returncode, done.stdout) == (0, b"interpreter deleted\n"), done.stderr
    assert control.interpreters == {}


@pytest.mark.parametrize(("answer", "status", "left"), [(b"yes\n", 0, 0), (b"\n", 125, 1)], ids=["yes", "enter"])
def test_delete_on_a_terminal(
    admin: CommandLine, control: ControlServer, answer: bytes, status: int, left: int
) -> None:
    interpreter_id = create(admin)
    ours, theirs = os.openpty()
    child = admin.start("interpreter", "delete", interpreter_id, stdin=theirs)
    os.write(ours, answer)
    _, stderr = child.communicate(timeout=DEADLINE)
    os.close(ours)
    os.close(theirs)
    assert (child.returncode, len(control.interpreters)) == (status, left), stderr
    assert f"delete {interpreter_id} (demo) for good? Type yes to continue".encode() in stderr


def test_delete_that_fails(admin: CommandLine, control: ControlServer) -> None:
    interpreter_id = create(admin)
    control.delete_outcome = "DELETE_FAILED"
    done = admin.run("interpreter", "delete", interpreter_id, "--yes")
    assert done.returncode == 125
    assert b"error[DeleteFailed]" in done.stderr


UNKNOWN = "demo-0123456789"
REFUSALS = {
    "no action": (["interpreter"], "interpreter needs the name of a command"),
    "no name": (["interpreter", "create", "--network", "public"], "arguments are required: name"),
    "bad name": (["interpreter", "create", "9x", "--network", "public"], "not a valid interpreter name"),
    "no network": (["interpreter", "create", "demo"], "no network mode"),
    "bad role": (["interpreter", "create", "demo", "--network", "public", "--role", "r"], "not a role ARN"),
    "bad tag": (["interpreter", "create", "demo", "--network", "public", "--tag", "x"], "not a valid tag"),
    "tag twice": (
        ["interpreter", "create", "demo", "--network", "public", "--tag", "a=1", "--tag", "a=2"],
        "a tag key is given twice",
    ),
    "long tag": (["interpreter", "create", "demo", "--network", "public", "--tag", "a" * 129 + "=1"], "is too long"),
    "many tags": (
        ["interpreter", "create", "demo", "--network", "public", *(f"--tag=k{number}=v" for number in range(50))],
        "50 tags are given, but at most 49 are allowed",
    ),
    "one subnet": (
        ["interpreter", "create", "demo", "--network", "vpc", "--subnet", "subnet-12345678"],
        "2 to 16 different ids with --subnet",
    ),
    "bad subnet": (["interpreter", "create", "demo", "--network", "vpc", "--subnet", "x"], "not a valid --subnet"),
    "no security group": (
        [
            "interpreter",
            "create",
            "d",
            "--network",
            "vpc",
            "--subnet",
            "subnet-12345678",
            "--subnet",
            "subnet-12345679",
        ],
        "1 to 16 different ids with --security-group",
    ),
    "subnet without vpc": (
        ["interpreter", "create", "demo", "--network", "public", "--subnet", "subnet-12345678"],
        "work only with --network vpc",
    ),
    "create's flag": (["interpreter", "list", "--role", ROLE], "unrecognized arguments: --role"),
    "list with a name": (["interpreter", "list", "demo"], "unrecognized arguments: demo"),
    "show without id": (["interpreter", "show"], "arguments are required: interpreter"),
    "show what is no name": (["interpreter", "show", "de-mo"], "not an interpreter id, ARN or name"),
    "mount without vpc": (
        ["interpreter", "create", "demo", "--network", "public", "--role", ROLE, "--mount", MOUNTS[0]],
        "--mount works only with --network vpc",
    ),
    "mount without role": (
        [
            *["interpreter", "create", "d", "--network", "vpc", "--security-group", "sg-12345678", "--mount"],
            MOUNTS[0],
            *SUBNETS,
        ],
        "--mount needs --role",
    ),
    "no tag": (["interpreter", "tag", UNKNOWN], "no tag is given"),
    "tag without value": (["interpreter", "tag", UNKNOWN, "team"], "not a valid tag: 'team'"),
    "tag of AWS": (["interpreter", "tag", UNKNOWN, "AWS:x=1"], "not a valid tag key: 'AWS:x'"),
    "key twice": (["interpreter", "tag", UNKNOWN, "a=1", "a=2"], "a tag key is given twice"),
    "tag given and removed": (["interpreter", "tag", UNKNOWN, "a=1", "--remove", "a"], "'a' is both given and removed"),
    "removed key": (["interpreter", "tag", UNKNOWN, "--remove", "a*"], "not a valid tag key: 'a*'"),
    "long value": (["interpreter", "tag", UNKNOWN, f"a={'x' * 257}"], "value is too long"),
    "tag AWS's own": (["interpreter", "tag", "aws.codeinterpreter.v1", "a=1"], "cannot be tagged"),
    "delete AWS's own": (["interpreter", "delete", "aws.codeinterpreter.v1"], "cannot be deleted"),
    "delete local": (["interpreter", "delete", "local"], "cannot be deleted"),
    "bad endpoint": (["interpreter", "list", "--endpoint-url", "x"], "not an endpoint URL"),
    "secret endpoint": (
        ["interpreter", "list", "--endpoint-url", "http://u:dummy@127.0.0.1"],
        "has a name or a password",
    ),
}


@pytest.mark.parametrize(("words", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_usage_starts_nothing(admin: CommandLine, control: ControlServer, words: list[str], message: str) -> None:
    done = admin.run(*words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode().splitlines()[0]
    assert control.requests == []


FAILURES = {
    "unknown": (["show", UNKNOWN], {}, "UnknownInterpreter", "is not there"),
    "delete unknown": (["delete", UNKNOWN, "--yes"], {}, "UnknownInterpreter", "is not there"),
    "denied": (
        ["list"],
        {"list": (403, "AccessDeniedException", "User: u is not authorized to perform: a:ListIt on resource: arn:x")},
        "AccessDenied",
        "not allowed: a:ListIt on arn:x",
    ),
    "name taken": (
        ["create", "demo", "--network", "sandbox"],
        {"create": (409, "ConflictException", "demo already exists")},
        "Conflict",
        "demo already exists",
    ),
    "quota": (
        ["create", "demo", "--network", "sandbox"],
        {"create": (402, "ServiceQuotaExceededException", "too many")},
        "QuotaExceeded",
        "too many",
    ),
}


@pytest.mark.parametrize(("words", "refusals", "code", "message"), FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_failures_name_the_cause_and_the_remedy(
    admin: CommandLine,
    control: ControlServer,
    words: list[str],
    refusals: dict[str, tuple[int, str, str]],
    code: str,
    message: str,
    as_json: bool,  # noqa: FBT001 - a column of the table
) -> None:
    control.refusals = {operation: [refusal] for operation, refusal in refusals.items()}
    done = admin.run("interpreter", *words, *(["--json"] if as_json else []))
    assert done.returncode == 125
    assert b"dummy-secret" not in done.stdout + done.stderr
    if as_json:
        error = json.loads(done.stdout)["error"]
        assert (error["code"], message in error["message"], bool(error["hint"])) == (code, True, True)
    else:
        assert f"error[{code}]: " in done.stderr.decode()
        assert message in done.stderr.decode()


def test_no_credentials(admin: CommandLine) -> None:
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    done = admin.run("interpreter", "list", env=env)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoCredentials]")


def test_on_the_embedded_service(cli: CommandLine, tmp_path: Path) -> None:
    machine = CommandLine(
        cli.command, cli.home, {**cli.base, "AGENTCORE_SANDBOX_RUNTIME_DIR": str(tmp_path / "runtime")}
    )
    with serving(machine, stop=True) as (_, agentcore):
        admin = CommandLine(cli.command, cli.home, {**machine.base, **agentcore})
        interpreter_id = create(admin, "demo", "--role", ROLE, "--tag", "team=a")
        again = admin.run("interpreter", "create", "demo", "--network", "sandbox")
        assert again.stderr.splitlines()[0].startswith(b"error[Conflict]")
        listed = json.loads(admin.run("interpreter", "list", "--json").stdout)["interpreters"]
        assert interpreter_id in [found["interpreterId"] for found in listed]
        shown = json.loads(admin.run("interpreter", "show", interpreter_id, "--json").stdout)
        assert (shown["role"], shown["networkMode"], shown["status"]) == (ROLE, "SANDBOX", "READY")
        tagged = admin.run("interpreter", "tag", interpreter_id, "stage=test", "--remove", "team", "--json")
        assert json.loads(tagged.stdout) == {**shown, "tags": {"stage": "test"}}
        assert admin.run("run", "print(1)", env={"CUSTOM_AGENTCORE_INTERPRETER_ID": interpreter_id}).stdout == b"1"
        deleted = admin.run("interpreter", "delete", shown["arn"], "--yes")
        assert (deleted.returncode, deleted.stdout) == (0, b"interpreter deleted\n"), deleted.stderr
        assert admin.run("interpreter", "show", interpreter_id).stderr.startswith(b"error[UnknownInterpreter]")
