"""`setup`: the plan, what it makes, again and again, every failure undone, and the teardown that leaves nothing."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.account import policies
from agentcore_sandbox.aws.attachments import Mount
from plugin_build.botocore_data import KEPT_OPERATIONS
from support import tables
from support.documents import page
from support.local import serving
from support.mounts import CERTIFICATES, CONFIGURATIONS, MOUNTS, SECRET
from support.processes import DEADLINE, CommandLine
from support.setups import LOG_GROUP, POLICY_ARN, ROLE, WORDS, changes, names, set_up

if TYPE_CHECKING:
    from pathlib import Path

    from account.conftest import Account
    from support.control_server import ControlServer
    from support.query_proxy import QueryProxy


def test_dry_run_shows_the_plan_and_changes_nothing(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy
) -> None:
    done = admin.run("setup", *WORDS, "--dry-run")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("account 123456789012, region us-east-1, as arn:aws:")
    assert [line.split()[:2] for line in lines[1:]] == [
        ["create", "role"],
        ["create", "inline"],
        ["create", "interpreter"],
        ["create", "policy"],
    ]
    assert "logs:StartQuery, logs:GetQueryResults, logs:StopQuery, logs:DescribeLogGroups" in lines[2]
    assert names(account, control) == []
    assert proxy.actions
    assert not writing(proxy, control)


def test_without_a_terminal_it_needs_yes(admin: CommandLine, account: Account, control: ControlServer) -> None:
    done = admin.run("setup", *WORDS)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"  create role " in done.stderr
    assert b"add --yes" in done.stderr
    assert names(account, control) == []


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    tables.first(
        2,
        [
            (b"sandbox\nyes\n", 0, "created interpreter demo"),
            (b"sandbox\nno\n", 125, "error[Declined]: nothing was changed"),
            (b"internet\n", 2, "not a network mode: 'internet'"),
            (b"vpc\n", 2, "--network vpc needs 2 to 16 different ids with --subnet"),
        ],
    ),
    ids=["yes", "no", "unknown", "vpc"],
)
def test_on_a_terminal_it_asks(
    admin: CommandLine, account: Account, control: ControlServer, answers: bytes, status: int, words: str
) -> None:
    ours, theirs = os.openpty()
    os.write(ours, answers)
    child = admin.start("setup", "demo", stdin=theirs)
    _, said = child.communicate(timeout=DEADLINE)
    os.close(ours)
    os.close(theirs)
    assert child.returncode == status, said
    assert b"  sandbox  nothing but S3 and DNS\n" in said
    assert words in said.decode()
    assert bool(names(account, control)) is (status == 0)


def test_it_makes_exactly_what_the_policies_say(admin: CommandLine, account: Account, control: ControlServer) -> None:
    made = set_up(admin)
    (interpreter,) = control.interpreters.values()
    assert made == {
        "interpreterId": interpreter["codeInterpreterId"],
        "interpreterArn": interpreter["codeInterpreterArn"],
        "roleArn": f"arn:aws:iam::123456789012:role/{ROLE}",
        "callerPolicyArn": POLICY_ARN,
    }
    assert interpreter["executionRoleArn"] == made["roleArn"]
    iam = account.client("iam")
    role = iam.get_role(RoleName=ROLE)["Role"]
    source = "arn:aws:bedrock-agentcore:us-east-1:123456789012:*"
    assert role["AssumeRolePolicyDocument"] == policies.trust("123456789012", source)
    assert {"Key": "team", "Value": "a"} in role["Tags"]
    inline = iam.get_role_policy(RoleName=ROLE, PolicyName="execution")["PolicyDocument"]
    assert inline == policies.execution([policies.grant("logs_group", LOG_GROUP)])
    version = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == policies.caller(made["interpreterArn"])


def test_text_output_is_the_id_and_says_what_to_do(admin: CommandLine) -> None:
    done = admin.run("setup", "demo", "--network", "public", "--yes")
    assert done.returncode == 0, done.stderr
    interpreter_id = done.stdout.decode().strip()
    said = done.stderr.decode()
    assert "warning: network public" in said
    assert f"aws iam attach-user-policy --user-name NAME --policy-arn {POLICY_ARN}" in said
    assert f"export CUSTOM_AGENTCORE_INTERPRETER_ID={interpreter_id}\n" in said
    assert f"--config interpreter_id={interpreter_id} --config region=us-east-1" in said


def writing(proxy: QueryProxy, control: ControlServer) -> list[str]:
    """Requests that change something."""
    names = [action.split(":")[1] for action in proxy.actions]
    return [name for name in names + control.operations() if not re.match("Get|List|Describe|get|list", name)]


def test_the_plan_for_a_fresh_account_keeps_nothing(admin: CommandLine) -> None:
    assert changes(admin) == ["create"] * 4
    assert changes(admin, "demo", "--network", "sandbox") == ["create", "none", "create", "create"]


def test_again_changes_nothing(admin: CommandLine, proxy: QueryProxy, control: ControlServer) -> None:
    made = set_up(admin)
    proxy.actions.clear()
    control.requests.clear()
    assert changes(admin) == ["keep"] * 4
    assert set_up(admin) == made
    assert not writing(proxy, control)


def test_other_access_updates_and_removes_the_inline_policy(admin: CommandLine, account: Account) -> None:
    set_up(admin)
    other = ["demo", "--network", "sandbox", "--s3-read", "arn:aws:s3:::bucket"]
    assert changes(admin, *other) == ["keep", "update", "keep", "keep"]
    set_up(admin, *other)
    told = admin.run("setup", *WORDS, "--tag", "cost=b", "--dry-run").stderr.decode()
    assert f"warning: role {ROLE} exists without cost=b: setup tags only what it creates\n" in told
    none = ["demo", "--network", "sandbox", "--with-listing"]
    assert changes(admin, *none) == ["keep", "remove", "keep", "update"]
    set_up(admin, *none)
    assert changes(admin, *none) == ["keep", "none", "keep", "keep"]
    iam = account.client("iam")
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == []
    version = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=version)["PolicyVersion"]["Document"]
    assert len(document["Statement"]) == 2


@pytest.mark.nightly
def test_policy_versions_do_not_run_out(admin: CommandLine, account: Account) -> None:
    """IAM keeps five versions: the newest is in force, and the oldest gives way."""
    iam = account.client("iam")
    for number in range(1, 8):
        set_up(admin, "demo", "--network", "sandbox", *(["--with-listing"] if number % 2 else []))
        kept = iam.list_policy_versions(PolicyArn=POLICY_ARN)["Versions"]
        newest = range(max(1, number - 4), number + 1)
        assert {item["VersionId"] for item in kept} == {f"v{version}" for version in newest}
        assert [item["VersionId"] for item in kept if item["IsDefaultVersion"]] == [f"v{number}"]
        document = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=f"v{number}")["PolicyVersion"]["Document"]
        assert len(document["Statement"]) == 1 + number % 2


def test_changed_trust_is_mended(admin: CommandLine, account: Account) -> None:
    set_up(admin)
    open_to_all = policies.trust("*", "*")
    account.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(open_to_all))
    assert changes(admin) == ["update", "keep", "keep", "keep"]
    set_up(admin)
    assert changes(admin) == ["keep"] * 4


def test_what_somebody_removed_is_made_again(admin: CommandLine, account: Account, control: ControlServer) -> None:
    set_up(admin)
    control.interpreters.clear()
    assert changes(admin) == ["keep", "keep", "create", "update"]  # the policy names the interpreter
    made = set_up(admin)
    iam = account.client("iam")
    version = iam.get_policy(PolicyArn=POLICY_ARN)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=POLICY_ARN, VersionId=version)["PolicyVersion"]["Document"]
    assert document == policies.caller(made["interpreterArn"])
    iam.delete_role_policy(RoleName=ROLE, PolicyName="execution")
    iam.delete_role(RoleName=ROLE)
    assert changes(admin) == ["create", "create", "keep", "keep"]
    assert set_up(admin) == made
    assert changes(admin) == ["keep"] * 4


def test_interpreter_that_failed_is_told(admin: CommandLine, control: ControlServer) -> None:
    set_up(admin)
    next(iter(control.interpreters.values()))["status"] = "CREATE_FAILED"
    done = admin.run("setup", *WORDS, "--yes")
    assert done.returncode == 125
    assert b"is CREATE_FAILED" in done.stderr
    assert b"hint: remove it (`agentcore-sandbox setup demo --teardown`)" in done.stderr


def test_mounts_and_certificates_are_the_interpreters_and_in_the_policies(
    admin: CommandLine, account: Account, control: ControlServer
) -> None:
    subnets = ["--subnet", "subnet-12345678", "--subnet", "subnet-12345679", "--security-group", "sg-12345678"]
    words = ["setup", "demo", "--network", "vpc", *subnets, "--no-network-check", "--yes"]
    attached = ["--mount", MOUNTS[0], "--certificate", SECRET]
    made = admin.run(*words, *attached, "--json")
    assert made.returncode == 0, made.stderr
    body = next(body for operation, body in control.requests if operation == "create")
    assert (body["filesystemConfigurations"], body["certificates"]) == (CONFIGURATIONS[:1], CERTIFICATES)
    iam, described = account.client("iam"), json.loads(made.stdout)
    inline = iam.get_role_policy(RoleName="BedrockAgentCore-demo-us-east-1", PolicyName="execution")["PolicyDocument"]
    assert inline == policies.execution([], [Mount.read(MOUNTS[0])])
    version = iam.get_policy_version(PolicyArn=described["callerPolicyArn"], VersionId="v1")["PolicyVersion"]
    assert version["Document"] == policies.caller(described["interpreterArn"], certificates=[SECRET])
    assert admin.run(*words, *attached).returncode == 0
    other = admin.run(*words)
    assert other.returncode == 125
    assert b"error[CannotChange]" in other.stderr
    assert b"with network VPC and 2 mounts and certificates" in other.stderr


def test_other_network_is_refused(admin: CommandLine) -> None:
    set_up(admin)
    done = admin.run("setup", "demo", "--network", "public", "--yes")
    assert done.returncode == 125
    assert b"error[CannotChange]" in done.stderr


OF_DOCTOR = {"iam:SimulatePrincipalPolicy"}
# Asked for together with another.
NO_OPERATION = {
    "iam:CreateServiceLinkedRole",
    "iam:PassRole",
    "iam:TagPolicy",
    "iam:TagRole",
}


def test_new_role_that_is_not_known_yet_is_waited_for(admin: CommandLine, control: ControlServer) -> None:
    words = "Role validation failed: the service cannot assume the role"
    control.refusals["create"] = [(400, "ValidationException", words)] * 2
    set_up(admin)
    assert control.operations().count("create") == 3


def test_teardown_leaves_nothing(admin: CommandLine, account: Account, control: ControlServer) -> None:
    set_up(admin)
    iam = account.client("iam")
    iam.create_user(UserName="u")
    iam.attach_user_policy(UserName="u", PolicyArn=POLICY_ARN)
    set_up(admin, *WORDS, "--with-listing")
    more = iam.create_policy(PolicyName="more", PolicyDocument=json.dumps(policies.caller("*")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=more)
    told = admin.run("setup", *WORDS, "--dry-run").stderr.decode()
    assert f"warning: role {ROLE} also has {more}, which setup did not create and will keep\n" in told
    dry = admin.run("setup", "demo", "--teardown", "--dry-run").stdout.decode()
    assert [line.split()[0] for line in dry.splitlines()[1:]] == ["remove"] * 4
    assert "detached from user u\n" in dry
    assert f"also detaches {more}\n" in dry
    assert len(names(account, control)) == 4
    done = admin.run("setup", "demo", "--teardown", "--yes")
    assert (done.returncode, done.stdout) == (0, b"nothing is left\n"), done.stderr
    assert names(account, control) == ["more"]
    again = admin.run("setup", "demo", "--teardown", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, {"removed": []})


def test_teardown_goes_on_where_it_was(
    admin: CommandLine, account: Account, control: ControlServer, proxy: QueryProxy
) -> None:
    set_up(admin)
    proxy.refused = {"DeleteRole"}
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 125
    assert names(account, control) == [ROLE]
    proxy.refused = set()
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0
    assert names(account, control) == []


def test_what_others_made_is_neither_changed_nor_removed(
    admin: CommandLine, account: Account, control: ControlServer
) -> None:
    account.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    admin.run("interpreter", "create", "other", "--network", "sandbox")
    third = ROLE.replace("demo", "third") + "-caller"
    account.client("iam").create_policy(PolicyName=third, PolicyDocument=json.dumps(policies.caller("*")))
    for words in (
        ["demo", "--network", "sandbox"],
        ["demo", "--teardown"],
        ["other", "--network", "sandbox"],
        ["other", "--teardown"],
        ["third", "--network", "sandbox"],
        ["third", "--teardown"],
    ):
        done = admin.run("setup", *words, "--yes")
        assert done.returncode == 125
        assert b"error[NameTaken]" in done.stderr
    assert names(account, control) == [ROLE, third, "other"]


REFUSALS = {
    "no network": (["demo"], "no network mode"),
    "long name": (["d" * 33, "--network", "public"], "the name has 33 characters"),
    "bad name": (["a-b", "--network", "public"], "not a valid interpreter name"),
    "teardown with more": (["demo", "--teardown", "--network", "public"], "--teardown takes a name"),
    "its own tag": (["demo", "--network", "public", "--tag", "created-by=me"], "the tag created-by is reserved"),
    "unchecked what": (["demo", "--network", "public", "--no-network-check"], "work only with --network vpc, not with"),
    "bad access": (["demo", "--network", "public", "--logs-group", "x"], "not a valid ARN for --logs-group"),
}


@pytest.mark.parametrize(("words", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_wrong_usage(admin: CommandLine, proxy: QueryProxy, words: list[str], message: str) -> None:
    done = admin.run("setup", *words, "--yes")
    assert (done.returncode, done.stdout) == (2, b"")
    assert message in done.stderr.decode().splitlines()[0]
    assert proxy.actions == []


def test_a_fresh_account_from_setup_to_the_first_run(cli: CommandLine, account: Account, tmp_path: Path) -> None:
    runtime = {"AGENTCORE_SANDBOX_RUNTIME_DIR": str(tmp_path / "runtime")}
    machine = CommandLine(cli.command, cli.home, {**cli.base, **runtime})
    with serving(machine, stop=True) as (_, agentcore):
        admin = CommandLine(cli.command, cli.home, {**machine.base, **agentcore, "AWS_ENDPOINT_URL": account.url})
        done = admin.run("setup", *WORDS, "--yes")
        assert done.returncode == 0, done.stderr
        interpreter_id = done.stdout.decode().strip()
        user = CommandLine(cli.command, cli.home, {**admin.base, **exported(done.stderr.decode())})
        checks = user.run("doctor", "--run")
        assert checks.returncode == 0, checks.stdout
        assert f"ok       interpreter: {interpreter_id} is READY\n" in checks.stdout.decode()
        assert user.run("run", "print(6 * 7)").stdout == b"42"
        assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0
        gone = user.run("run", "x")
        assert gone.stderr.startswith(b"error[UnknownInterpreter]")
    iam = account.client("iam")
    assert (iam.list_roles()["Roles"], iam.list_policies(Scope="Local")["Policies"]) == ([], [])


def exported(said: str) -> dict[str, str]:
    """What the `export` lines set that setup ends with."""
    lines = [line.strip().removeprefix("export ") for line in said.splitlines() if line.startswith("  export ")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_actions_that_setup_calls_are_those_that_ship_and_are_documented(admin: CommandLine, proxy: QueryProxy) -> None:
    set_up(admin)
    set_up(admin, "demo", "--network", "sandbox", "--with-listing")
    assert admin.run("setup", "demo", "--teardown", "--yes").returncode == 0
    table = page("docs/aws.md").partition("<!-- actions of setup -->")[2].partition("<!-- end -->")[0]
    documented = set(re.findall(r"(?:iam|ec2|bedrock-agentcore):[A-Za-z]+", table))
    assert {action for action in proxy.actions if action.startswith("iam:")} <= documented
    services = {"iam": "iam", "ec2": "ec2", "bedrock-agentcore": "bedrock-agentcore-control"}
    shipped = {f"{prefix}:{name}" for prefix, service in services.items() for name in KEPT_OPERATIONS[service]}
    assert documented - NO_OPERATION == shipped - OF_DOCTOR
