"""`policy`: the documents, and that the caller's covers what the command line calls and nothing more."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.account import arguments, policies
from agentcore_sandbox.cli import dispatch as command_line
from agentcore_sandbox.commands import job
from support.local import serving
from support.mounts import EFS, EFS_POINT, MOUNTS, S3, S3_POINT, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from support.processes import CommandLine
    from support.query_proxy import QueryProxy

ACCOUNT = "123456789012"
SYSTEM_ARN = "arn:aws:bedrock-agentcore:us-west-2:aws:code-interpreter/aws.codeinterpreter.v1"
LOG_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/trail/x"


def document(quick: CommandLine, *words: str) -> dict[str, Any]:
    done = quick.run("policy", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_trust_is_for_this_account_and_region_only(admin: CommandLine) -> None:
    (statement,) = document(admin, "trust")["Statement"]
    assert statement["Principal"] == {"Service": "bedrock-agentcore.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:*"},
    }


def test_a_named_account_needs_no_credentials(quick: CommandLine) -> None:
    (statement,) = document(quick, "trust", "--account", "210987654321", "--region", "cn-north-1")["Statement"]
    arn = "arn:aws-cn:bedrock-agentcore:cn-north-1:210987654321:*"
    assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": arn}


def test_execution_for_a_log_group_is_four_actions(quick: CommandLine) -> None:
    statements = document(quick, "execution", "--logs-group", f"{LOG_GROUP}:*")["Statement"]
    allowed = {action: statement["Resource"] for statement in statements for action in statement["Action"]}
    assert allowed == {
        "logs:StartQuery": [LOG_GROUP, f"{LOG_GROUP}:*"],
        "logs:GetQueryResults": [LOG_GROUP, f"{LOG_GROUP}:*"],
        "logs:StopQuery": ["*"],
        "logs:DescribeLogGroups": ["*"],
    }


def test_execution_for_several_services(quick: CommandLine) -> None:
    words = ["--s3-read", "arn:aws:s3:::bk1", "--s3-read", "arn:aws:s3:::bk2", "--s3-write", "arn:aws:s3:::bk2"]
    found = document(quick, "execution", *words)
    allowed = {action: statement["Resource"] for statement in found["Statement"] for action in statement["Action"]}
    assert allowed == {
        "s3:ListBucket": ["arn:aws:s3:::bk1", "arn:aws:s3:::bk2"],
        "s3:GetObject": ["arn:aws:s3:::bk1/*", "arn:aws:s3:::bk2/*"],
        "s3:PutObject": ["arn:aws:s3:::bk2/*"],
    }
    names = [statement["Sid"] for statement in found["Statement"]]
    assert len(set(names)) == len(names)


def test_execution_for_mounts_goes_through_the_access_points(quick: CommandLine) -> None:
    first, point, second = document(quick, "execution", *mounted(MOUNTS))["Statement"]
    assert first["Action"] == ["s3files:ClientMount", "s3files:ClientWrite"]
    assert (first["Resource"], first["Condition"]) == (S3, {"StringEquals": {"s3files:AccessPointArn": S3_POINT}})
    assert (point["Action"], point["Resource"]) == (["s3files:GetAccessPoint"], [S3, S3_POINT])
    assert second["Action"] == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    assert second["Resource"] == EFS
    assert second["Condition"] == {"StringEquals": {"elasticfilesystem:AccessPointArn": EFS_POINT}}


def test_callers_read_certificates(admin: CommandLine) -> None:
    words = ["--interpreter-id", "aws.codeinterpreter.v1", "--certificate", SECRET]
    _, reading = document(admin, "caller", *words)["Statement"]
    assert (reading["Action"], reading["Resource"]) == (["secretsmanager:GetSecretValue"], [SECRET])


def mounted(mounts: Iterable[str]) -> list[str]:
    return [word for mount in mounts for word in ("--mount", mount)]


def test_no_access_grants_a_wildcard_action() -> None:
    actions = [action for kind in policies.ACCESS.values() for rule in kind.rules for action in rule.actions]
    assert not any("*" in action for action in actions)


def test_every_kind_of_access_has_a_flag() -> None:
    assert [flag.strip("-").replace("-", "_") for flag in arguments.ACCESS_FLAGS] == list(policies.ACCESS)


def test_examples_of_access_are_taken() -> None:
    for name, kind in policies.ACCESS.items():
        assert policies.grant(name, kind.example).arn == kind.example


@pytest.mark.parametrize(
    ("given", "arn"),
    [
        ("aws.codeinterpreter.v1", "arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/aws.codeinterpreter.v1"),
        ("a-0123456789", f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:code-interpreter-custom/a-0123456789"),
        (SYSTEM_ARN, SYSTEM_ARN),
    ],
)
def test_caller_is_for_one_interpreter(admin: CommandLine, given: str, arn: str) -> None:
    statements = document(admin, "caller", "--interpreter-id", given, "--with-listing")["Statement"]
    assert {statement["Resource"] for statement in statements} == {arn}


REFUSALS = {
    "no kind": ([], "policy needs the name of a command"),
    "nothing to allow": (["execution"], "nothing to allow"),
    "not a log group": (["execution", "--logs-group", "arn:aws:s3:::x"], "not a valid ARN for --logs-group"),
    "every log group": (["execution", "--logs-group", f"{LOG_GROUP}*"], "not a valid ARN for --logs-group"),
    "every bucket": (["execution", "--s3-read", "arn:aws:s3:::*"], "not a valid ARN for --s3-read"),
    "grants for trust": (["trust", "--s3-read", "arn:aws:s3:::abc"], "unrecognized arguments"),
    "listing for trust": (["trust", "--with-listing"], "unrecognized arguments"),
    "bad account": (["trust", "--account", "12"], "not an account id"),
    "no interpreter": (["caller"], "no code interpreter is set"),
    "local": (["caller", "--interpreter-id", "local"], "needs no policy"),
}


@pytest.mark.parametrize(("words", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_usage(quick: CommandLine, words: list[str], message: str) -> None:
    done = quick.run("policy", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode().splitlines()[0]


def test_no_region(quick: CommandLine) -> None:
    done = quick.run("policy", "trust", "--account", ACCOUNT)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoRegion]")


RUNNING = {  # command: how it is called, in a way that calls all that it can call
    "run": [["run", "--upload", "f", "--download", "f:back/", "x = 1"], ["run", "--session", "work", "--cmd", "true"]],
    "start": [["start"], ["start", "--name", "other"]],
    "exec": [["exec", "work", "x = 1"], ["exec", "work", "--follow", "x = 1"]],
    "cp": [["cp", "f", "work:in/"], ["cp", "work:in/f", "out"]],
    "ls": [["ls", "work"]],
    "rm": [["rm", "work:in/f"]],
    "save": [["save", "work", "w.tar.gz", "--force"]],
    "job": [["job", "start", "--session", "work", "print(1)"], ["job", "list"]],
    "map": [["map", "--items", "f", "--sessions", "1", "--cmd", "true"]],
    "stop": [["stop", "work"]],
}
OF_A_JOB = ("status", "wait", "logs", "stop", "rm")
LISTING = [["sessions", "--all"], ["stop", "--all", "--yes"]]
# They call nothing of AWS, or are for those who administer the account; `mcp` calls what the ones above do.
OTHERS = {
    "mcp",
    "setup",
    "interpreter",
    "policy",
    "template",
    "doctor",
    "local",
    "maps",
    "completion",
    "help",
    "history",
}


@pytest.fixture
def user(quick: CommandLine, proxy: QueryProxy, tmp_path: Path) -> Iterator[CommandLine]:
    """Somebody with an interpreter of their own in an emulator that logs every request."""
    (quick.home / "f").write_text("data")
    line = quick.using(AGENTCORE_SANDBOX_RUNTIME_DIR=str(tmp_path / "runtime"))
    with serving(line, "--log", str(quick.home / "log"), stop=True) as (_, env):
        user = line.using(**env, AWS_ENDPOINT_URL=proxy.url)
        made = user.run("interpreter", "create", "own", "--network", "sandbox")
        yield user.using(CUSTOM_AGENTCORE_INTERPRETER_ID=made.stdout.decode().strip())


def records(user: CommandLine) -> list[dict[str, Any]]:
    """The requests by the service's own log."""
    found = map(json.loads, (user.home / "log").read_text().splitlines())
    return [record for record in found if "operation" in record]


def called(user: CommandLine, calls: Iterable[list[str]]) -> list[dict[str, Any]]:
    """What commands call of AgentCore."""
    before = len(records(user))
    for words in calls:
        done = user.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        if words[:2] == ["job", "start"]:
            for sub in OF_A_JOB:
                user.run("job", sub, done.stdout.decode().strip())
    return records(user)[before:]


def check(user: CommandLine, proxy: QueryProxy, calls: Iterable[list[str]], *words: str) -> None:
    """Weigh by moto every request of some commands, and find one for every action that is granted."""
    from support import simulator  # it loads moto

    requests = {(f"bedrock-agentcore:{found['operation']}", found["interpreter"]) for found in called(user, calls)}
    granted = document(user, "caller", "--account", ACCOUNT, *words)
    arn = f"arn:aws:bedrock-agentcore:{user.base['AWS_REGION']}:{ACCOUNT}:code-interpreter-custom/"
    for action, interpreter in requests:
        weighed = simulator.weigh(json.dumps(granted), action, arn + interpreter)
        assert simulator.VERDICTS.get(weighed) == "allowed", action
    actions = [action for statement in granted["Statement"] for action in statement["Action"]]
    assert sorted(actions) == sorted(action for action, _ in requests)
    assert proxy.actions == []  # nothing of another service


def test_every_command_is_weighed() -> None:
    assert set(command_line.COMMANDS) == {*RUNNING, "sessions", *OTHERS}
    assert {"start", "list", *OF_A_JOB} == set(job.SUBCOMMANDS)


def test_caller_policy_is_what_running_code_calls(user: CommandLine, proxy: QueryProxy) -> None:
    check(user, proxy, chain(*RUNNING.values()))


def test_caller_policy_with_listing_is_what_all_commands_call(user: CommandLine, proxy: QueryProxy) -> None:
    check(user, proxy, [["start"], *RUNNING["exec"], *LISTING], "--with-listing")
