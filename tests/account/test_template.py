"""`template cloudformation`: valid for cfn-lint, and on moto the same result as `setup`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import tables
from support.mounts import MOUNTS, SECRET
from support.processes import DEADLINE

if TYPE_CHECKING:
    from account.conftest import Account
    from support.control_server import ControlServer
    from support.processes import CommandLine

SUBNETS = ["subnet-12345678", "subnet-12345679"]
VPC = [word for subnet in SUBNETS for word in ("--subnet", subnet)] + ["--security-group", "sg-12345678"]
ACCESS = ["--logs-group", "arn:aws:logs:us-east-1:123456789012:log-group:trail", "--s3-read", "arn:aws:s3:::bucket"]
KINDS = {
    "public": ["demo", "--network", "public"],
    "sandbox with everything": ["demo", "--network", "sandbox", *ACCESS, "--with-listing", "--tag", "team=a"],
    "vpc": ["demo", "--network", "vpc", *VPC],
    "vpc with parameters": ["--network", "vpc", *ACCESS],
    "certificates": ["--network", "vpc", "--certificate", SECRET],
    "mounts": ["--network", "vpc", "--mount", MOUNTS[0], "--mount", MOUNTS[1]],
}


def template(quick: CommandLine, words: list[str]) -> str:
    done = quick.run("template", "cloudformation", *words)
    assert done.returncode == 0, done.stderr
    assert b"deploy it with: aws cloudformation deploy" in done.stderr
    needs_parameters = "vpc" in words and "--subnet" not in words
    assert (b" --parameter-overrides Subnets=ID,ID SecurityGroups=ID,ID\n" in done.stderr) == needs_parameters
    return done.stdout.decode()


def test_cfn_lint_has_nothing_to_say(quick: CommandLine, tmp_path: Path) -> None:
    for kind, words in KINDS.items():
        tmp_path.joinpath(f"{kind}.json").write_text(template(quick, words))
    linter = str(Path(sys.executable).with_name("cfn-lint"))
    paths = map(str, tmp_path.glob("*.json"))
    command = [linter, "--include-checks", "W", "I", "--regions", "us-east-1", "us-west-2", "--", *paths]
    done = subprocess.run(command, capture_output=True, text=True, env={}, timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_mounts_are_the_roles_and_not_the_interpreters(quick: CommandLine) -> None:
    done = quick.run("template", "cloudformation", *KINDS["mounts"])
    assert b"CodeInterpreterCustom has no property for file systems: the template lets the role mount" in done.stderr
    made = json.loads(done.stdout)["Resources"]
    (policy,) = made["ExecutionRole"]["Properties"]["Policies"]
    assert [statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]] == [
        "Mount1",
        "AccessPoint1",
        "Mount2",
    ]
    assert "Certificates" not in made["Interpreter"]["Properties"]


def in_iam(account: Account) -> dict[str, Any]:
    iam = account.client("iam")
    (role,) = iam.list_roles()["Roles"]
    name = role["RoleName"]
    (policy,) = iam.list_policies(Scope="Local")["Policies"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    found = iam.get_role(RoleName=name)["Role"]
    return {
        "role": {key: found[key] for key in ("Arn", "AssumeRolePolicyDocument", "Description", "Tags")},
        "inline": {key: document(iam.get_role_policy(RoleName=name, PolicyName=key)) for key in inline},
        "policy": policy["Arn"],
        "actions": [
            (statement["Action"], statement["Resource"].rpartition("/")[0])
            for statement in version["PolicyVersion"]["Document"]["Statement"]
        ],
    }


def document(answer: Any) -> Any:
    """moto keeps a stack's inline policy as the text that Python shows of it."""
    found = answer["PolicyDocument"]
    return ast.literal_eval(found) if isinstance(found, str) else found


def asked_for(request: dict[str, Any]) -> tuple[Any, ...]:
    """What `setup` asked of the control plane, in CloudFormation's words."""
    network = request["networkConfiguration"]
    configuration: dict[str, Any] = {"NetworkMode": network["networkMode"]}
    if "vpcConfig" in network:
        vpc = network["vpcConfig"]
        # moto does not split the default of a parameter that is a list
        configuration["VpcConfig"] = {
            "Subnets": ",".join(vpc["subnets"]),
            "SecurityGroups": ",".join(vpc["securityGroups"]),
        }
    return request["name"], request["executionRoleArn"], configuration, request["tags"]


@pytest.mark.parametrize("words", tables.first(2, list(KINDS.values())[:3]), ids=list(KINDS)[:3])
def test_a_stack_is_what_setup_makes(
    admin: CommandLine, account: Account, control: ControlServer, words: list[str]
) -> None:
    more = ["--no-network-check"] if "vpc" in words else []
    assert admin.run("setup", *words, *more, "--yes").returncode == 0
    by_setup = in_iam(account)
    asked = next(body for operation, body in control.requests if operation == "create")
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0

    from support import stack_interpreter  # it loads moto

    stack_interpreter.MADE.clear()
    stacks = account.client("cloudformation")
    stacks.create_stack(StackName="demo", TemplateBody=template(admin, words), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert in_iam(account) == by_setup
    (made,) = stack_interpreter.MADE
    assert tuple(made[key] for key in ("Name", "ExecutionRoleArn", "NetworkConfiguration", "Tags")) == asked_for(asked)
    (stack,) = stacks.describe_stacks(StackName="demo")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["InterpreterId"] == stack_interpreter.INTERPRETER_ID
    assert outputs["CallerPolicyArn"] == by_setup["policy"]
    stacks.delete_stack(StackName="demo")
    assert account.client("iam").list_roles()["Roles"] == []  # moto leaves managed policies where they are


REFUSALS = {
    "no kind": ([], "template needs the name of a command"),
    "unknown kind": (["terraform", "--network", "public"], "no such command: template terraform"),
    "no network": (["cloudformation"], "no network mode"),
    "one subnet": (["cloudformation", "--network", "vpc", "--subnet", "subnet-12345678"], "2 to 16 different"),
    "no check": (["cloudformation", "--network", "vpc", "--no-network-check"], "checks nothing"),
}


@pytest.mark.parametrize(("words", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_usage(quick: CommandLine, words: list[str], message: str) -> None:
    done = quick.run("template", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode().splitlines()[0]
