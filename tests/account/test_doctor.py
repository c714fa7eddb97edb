"""`doctor`: every check well and unwell, the exit status, and no secret in any output."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import time
import zipapp
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import agentcore_sandbox
from agentcore_sandbox.account import policies
from agentcore_sandbox.checks import emulator, program
from support import event_stream, fault_server
from support.build_folders import ROOT
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from account.conftest import Account
    from support.control_server import ControlServer
    from support.fault_server import FaultServer, Handler
    from support.query_proxy import QueryProxy

GONE = fault_server.error(404, "ResourceNotFoundException", "no such session")
DENIED = fault_server.error(403, "AccessDeniedException", "User: u is not authorized to perform: bedrock-agentcore:X")
START_UP = ROOT / "src" / "plugin_build" / "startup"
SECRETS = ("dummy-secret", "dummy-token")


@pytest.fixture
def user(admin: CommandLine, faults: FaultServer) -> CommandLine:
    """Somebody with a working interpreter, in which there is no session."""
    made = admin.run("interpreter", "create", "demo", "--network", "sandbox")
    faults.answers |= {"stop": GONE, "get": GONE, "invoke": GONE}
    more = {
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": faults.url,
        "AWS_SESSION_TOKEN": "dummy-token",
        "CUSTOM_AGENTCORE_INTERPRETER_ID": made.stdout.decode().strip(),
        "AGENTCORE_SANDBOX_LOCAL_DENO": "/nowhere/deno",
    }
    return replace(admin, base={**admin.base, **more})


def examine(
    cli: CommandLine, *words: str, status: int = 0, env: dict[str, str] | None = None
) -> dict[str, dict[str, str]]:
    done = cli.run("doctor", "--json", *words, env=env)
    assert (done.returncode, done.stderr) == (status, b""), done.stdout
    assert not any(secret in done.stdout.decode() for secret in SECRETS)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["ok"] is (status == 0)
    assert sum(answer["summary"].values()) == len(answer["checks"])
    assert all(check["remedy"] for check in answer["checks"] if check["status"] != "ok")
    return {check["name"]: check for check in answer["checks"]}


def test_all_is_well(user: CommandLine, faults: FaultServer) -> None:
    checks = examine(user)
    unwell = {name for name, check in checks.items() if check["status"] != "ok" and not name.startswith("local")}
    assert unwell == {"StartCodeInterpreterSession"}
    assert checks["credentials"]["message"] == "arn:aws:sts::123456789012:user/moto, from the AWS_* variables"
    assert "neither a user nor a role" in checks["StartCodeInterpreterSession"]["message"]
    assert checks["region"]["message"] == "us-east-1"
    assert checks["network"]["message"] == "SANDBOX"
    assert faults.url in checks["endpoint"]["message"]
    assert "start" not in faults.operations()


def test_text_is_one_line_a_check_with_the_remedy_below(user: CommandLine) -> None:
    done = user.run("doctor")
    lines = done.stdout.decode().splitlines()
    position = next(number for number, line in enumerate(lines) if line.startswith("warning  local deno: "))
    assert lines[position].endswith("AGENTCORE_SANDBOX_LOCAL_DENO names '/nowhere/deno', which is no program")
    assert "install deno 2.9 or newer" in lines[position + 1]
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "warning", "->"}
    counts = [sum(line.startswith(status) for line in lines[:-1]) for status in ("ok ", "warning ")]
    assert lines[-1] == f"{sum(counts)} checks: {counts[0]} ok, {counts[1]} warnings"
    coloured = user.run("doctor", "--color", "always").stdout.decode().splitlines()
    assert coloured[position].startswith("\x1b[33mwarning \x1b[0m local deno: ")
    assert coloured[-1] == f"\x1b[33m{lines[-1]}\x1b[0m"


def test_run_executes_a_line_and_stops_the_session(user: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.in_turn(fault_server.stream(event_stream.result("42\n")), GONE)
    faults.answers["stop"] = fault_server.in_turn(fault_server.DEFAULTS["stop"], GONE)
    checks = examine(user, "--run")
    assert checks["StartCodeInterpreterSession"]["status"] == "ok"
    assert "print(6 * 7) printed 42 after" in checks["execution"]["message"]
    assert faults.operations()[1:4] == ["start", "invoke", "stop"]


def test_run_that_gives_something_else(user: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.in_turn(fault_server.stream(event_stream.result("43")), GONE)
    assert examine(user, "--run", status=1)["execution"]["status"] == "failure"


def test_run_that_may_not_start(user: CommandLine, faults: FaultServer) -> None:
    faults.answers["start"] = DENIED
    checks = examine(user, "--run", status=1)
    assert "not allowed: bedrock-agentcore:X" in checks["execution"]["message"]


@pytest.mark.parametrize(
    ("operation", "name", "expected"),
    [
        ("invoke", "InvokeCodeInterpreter", "failure"),
        ("stop", "StopCodeInterpreterSession", "failure"),
        ("get", "GetCodeInterpreterSession", "warning"),
        ("list", "ListCodeInterpreterSessions", "warning"),
    ],
)
def test_missing_permission(user: CommandLine, faults: FaultServer, operation: str, name: str, expected: str) -> None:
    faults.answers[operation] = DENIED
    checks = examine(user, status=int(expected == "failure"))
    assert (checks[name]["status"], checks[name]["message"]) == (
        expected,
        "not allowed: bedrock-agentcore:X on the interpreter",
    )


def keys_of(answer: Any) -> dict[str, str]:
    """The variables that make somebody of the pretend account the caller."""
    pair = {"AWS_ACCESS_KEY_ID": answer["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"]}
    return pair | {"AWS_SESSION_TOKEN": answer.get("SessionToken", "")}


def caller_document(interpreter_id: str, **more: Any) -> str:
    arn = policies.interpreter_arn(interpreter_id, "aws", "us-east-1", "123456789012")
    document = policies.caller(arn)
    document["Statement"][0] |= more
    return json.dumps(document)


def test_start_is_weighed_by_iams_simulator(user: CommandLine, account: Account, proxy: QueryProxy) -> None:
    interpreter_id = user.base["CUSTOM_AGENTCORE_INTERPRETER_ID"]
    iam = account.client("iam")
    arn = iam.create_user(UserName="u", Path="/people/")["User"]["Arn"]
    env = keys_of(iam.create_access_key(UserName="u")["AccessKey"])

    def start(status: int = 0) -> tuple[str, str]:
        check = examine(user, status=status, env=env)["StartCodeInterpreterSession"]
        return check["status"], check["message"]

    assert start(status=1) == ("failure", f"not allowed (implicitDeny), according to IAM's simulator for {arn}")
    conditional = caller_document(interpreter_id, Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})
    held = iam.create_policy(PolicyName="p", PolicyDocument=conditional)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="u", PolicyArn=held)
    assert start() == ("warning", "unknown: it depends on aws:SourceVpc, which IAM's simulator is not told")
    iam.create_policy_version(PolicyArn=held, PolicyDocument=caller_document(interpreter_id), SetAsDefault=True)
    assert start() == ("ok", f"allowed, according to IAM's simulator for {arn}")
    proxy.refused = {"SimulatePrincipalPolicy"}
    status, message = start()
    assert status == "warning"
    assert "simulator cannot be asked: not allowed: iam:SimulatePrincipalPolicy" in message


@pytest.mark.parametrize("refused", [set(), {"GetRole"}], ids=["role's path known", "GetRole refused"])
def test_start_of_an_assumed_role(user: CommandLine, account: Account, proxy: QueryProxy, refused: set[str]) -> None:
    iam = account.client("iam")
    path = "/" if refused else "/team/"
    role = iam.create_role(RoleName="r", Path=path, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    document = caller_document(user.base["CUSTOM_AGENTCORE_INTERPRETER_ID"])
    held = iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=held)
    session = account.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    proxy.refused = refused
    check = examine(user, env=keys_of(session))["StartCodeInterpreterSession"]
    assert check["message"] == f"allowed, according to IAM's simulator for {role}"


def dated(seconds: float) -> Callable[[Handler], None]:
    """An answer with another time."""

    def answer(handler: Handler) -> None:
        told = formatdate(time.time() + seconds, usegmt=True)
        handler.date_time_string = lambda timestamp=None: told  # type: ignore[method-assign] # noqa: ARG005
        handler.send_json(200, {"items": []})

    return answer


@pytest.mark.parametrize(
    ("seconds", "status", "words"),
    [
        (3600, "failure", "behind the endpoint"),
        (-3600, "failure", "ahead of the endpoint"),
        (120, "warning", "behind the endpoint"),
    ],
)
def test_clock(user: CommandLine, faults: FaultServer, seconds: float, status: str, words: str) -> None:
    faults.answers["list"] = dated(seconds)
    clock = examine(user, status=int(status == "failure"))["clock"]
    assert clock["status"] == status
    assert clock["message"].endswith(words)


def test_unreachable_endpoint(user: CommandLine) -> None:
    checks = examine(user, status=1, env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://127.0.0.1:1"})
    assert checks["endpoint"]["status"] == "failure"
    assert "interpreter" not in checks


def test_no_credentials(user: CommandLine) -> None:
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    checks = examine(user, status=1, env=env)
    assert checks["credentials"] == {
        "name": "credentials",
        "status": "failure",
        "message": "no AWS credentials found",
        "remedy": checks["credentials"]["remedy"],
    }
    assert checks["endpoint"]["status"] == "ok"
    assert "interpreter" not in checks


@pytest.mark.parametrize(("minutes", "status"), [(90, "ok"), (10, "warning")])
def test_credentials_that_expire(user: CommandLine, minutes: int, status: str) -> None:
    expiration = (datetime.now(timezone.utc) + timedelta(minutes=minutes)).isoformat()
    keys = {"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "dummy-secret", "SessionToken": "dummy-token"}
    (user.home / "keys.json").write_text(json.dumps({"Version": 1, **keys, "Expiration": expiration}))
    (user.home / "config").write_text(f"[profile p]\ncredential_process = cat {user.home}/keys.json\n")
    found = examine(user, "--profile", "p", env={"AWS_CONFIG_FILE": str(user.home / "config")})["credentials"]
    left = re.fullmatch(r"arn:.*, from the profile's credential_process, for (\d+) more minutes", found["message"])
    assert left
    assert minutes - 15 < int(left[1]) < minutes
    assert found["status"] == status


def test_expired_credentials(user: CommandLine, proxy: QueryProxy) -> None:
    proxy.code = "ExpiredToken"
    found = examine(user, status=1)["credentials"]
    assert found["message"] == "the AWS credentials have expired"
    assert "log in again" in found["remedy"]


def test_sts_says_no(user: CommandLine, proxy: QueryProxy) -> None:
    proxy.refused = {"GetCallerIdentity"}
    assert examine(user, status=1)["credentials"]["status"] == "failure"


def test_no_region(user: CommandLine) -> None:
    assert examine(user, status=1, env={"AWS_REGION": ""})["region"]["status"] == "failure"


def test_unknown_profile(user: CommandLine) -> None:
    checks = examine(user, "--profile", "nobody", status=1)
    assert checks["credentials"]["message"] == "there is no AWS profile 'nobody'"


def test_interpreter_is_gone_or_failed_or_public(user: CommandLine, control: ControlServer) -> None:
    (found,) = control.interpreters.values()
    found["networkConfiguration"] = {"networkMode": "PUBLIC"}
    assert examine(user)["network"]["status"] == "warning"
    found |= {"status": "CREATE_FAILED", "failureReason": "no capacity"}
    assert examine(user, status=1)["interpreter"]["message"].endswith("is CREATE_FAILED no capacity")
    control.interpreters.clear()
    checks = examine(user, "--run", status=1)
    assert checks["interpreter"]["status"] == "failure"
    assert not {"execution", "InvokeCodeInterpreter"} & set(checks)  # they could only fail for the same reason


def test_a_caller_need_not_see_the_interpreter(user: CommandLine, control: ControlServer) -> None:
    control.refusals["get"] = [(403, "AccessDeniedException", "no")] * 2
    checks = examine(user)
    assert (checks["interpreter"]["status"], checks["network"]["status"]) == ("warning", "warning")


def test_no_interpreter_is_set(cli: CommandLine) -> None:
    checks = examine(cli, status=1)
    assert checks["interpreter"]["message"] == "no code interpreter is set"
    assert "local sandbox" in checks


def test_local_needs_no_aws_and_runs_a_line(cli: CommandLine) -> None:
    checks = examine(cli, "--interpreter-id", "local", "--run")
    assert checks["local sandbox"]["status"] == "ok"
    assert "printed 42" in checks["execution"]["message"]
    assert not {"credentials", "endpoint", "interpreter"} & set(checks)
    assert cli.run("local", "stop").returncode == 0


def test_a_broken_sandbox_is_a_failure_only_for_local(cli: CommandLine, user: CommandLine) -> None:
    env = {"AGENTCORE_SANDBOX_LOCAL_PYTHON": "/nowhere/python"}
    assert examine(cli, "--interpreter-id", "local", status=1, env=env)["local sandbox"]["status"] == "failure"
    afresh = CommandLine(user.command, user.home, user.base)  # a process remembers that its sandbox works
    assert examine(afresh, env=env)["local sandbox"]["status"] == "warning"


@pytest.fixture
def plugin(cli: CommandLine, tmp_path: Path) -> CommandLine:
    """A plugin's folder, with a zipapp of this source that is never unpacked."""
    root = tmp_path / "plugin"
    source = tmp_path / "source"
    shutil.copytree(Path(agentcore_sandbox.__file__).parent, source / "agentcore_sandbox")
    (root / "zipapps").mkdir(parents=True)
    target = root / "zipapps" / "agentcore-sandbox-any.pyz"
    (source / "__main__.py").write_text("import sys, agentcore_sandbox.__main__ as m; sys.exit(m.main())")
    zipapp.create_archive(source, target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    (root / "SHA256SUMS").write_text(f"{digest}  zipapps/{target.name}\n")
    (root / ".claude-plugin").mkdir()
    manifest = {"name": "p", "version": agentcore_sandbox.__version__}
    (root / ".claude-plugin" / "plugin.json").write_text(json.dumps(manifest))
    (root / "bin").mkdir()
    (root / "bin" / "agentcore-sandbox").touch(mode=0o755)
    return CommandLine((cli.command[0], str(target)), cli.home, cli.base)


def root_of(plugin: CommandLine) -> Path:
    return Path(plugin.command[1]).parent.parent


def test_plugin_and_zipapp(plugin: CommandLine) -> None:
    checks = examine(plugin, status=1)  # no interpreter is set
    assert {checks[name]["status"] for name in ("launcher", "zipapp", "plugin")} == {"ok"}
    assert checks["zipapp"]["message"] == "agentcore-sandbox-any.pyz matches SHA256SUMS"


def test_spoilt_plugin(plugin: CommandLine) -> None:
    root = root_of(plugin)
    (root / "SHA256SUMS").write_text(f"{'0' * 64}  zipapps/agentcore-sandbox-any.pyz\n")
    (root / ".claude-plugin" / "plugin.json").write_text('{"version": "0.0.1"}')
    (root / "bin" / "agentcore-sandbox").chmod(0o644)
    checks = examine(plugin, status=1)
    assert {checks[name]["status"] for name in ("launcher", "zipapp", "plugin")} == {"failure"}
    assert "plugin 0.0.1 runs the zipapp of" in checks["plugin"]["message"]


def test_plugin_without_its_papers(plugin: CommandLine) -> None:
    root = root_of(plugin)
    (root / "SHA256SUMS").unlink()
    (root / ".claude-plugin" / "plugin.json").write_text("[]")
    checks = examine(plugin, status=1)
    assert (checks["zipapp"]["status"], checks["plugin"]["status"]) == ("warning", "failure")


@pytest.mark.parametrize(("agent", "status"), [("2-1-195", "failure"), ("2-1-196", "ok"), ("3-0-0", "ok")])
def test_version_of_claude_code(agent: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_AGENT", f"claude-code_{agent}_agent")
    outcome = program.claude(program.find())
    assert outcome.status == status
    assert agent.replace("-", ".") in outcome.message
    manifest = json.loads(ROOT.joinpath("plugin-template/.claude-plugin/plugin.json").read_text())
    assert manifest["engines"]["claude-code"] == f">={'.'.join(map(str, program.OLDEST_CLAUDE))}"


def test_a_single_file(plugin: CommandLine, tmp_path: Path) -> None:
    alone = tmp_path / "agentcore-sandbox"
    shutil.copy(plugin.command[1], alone)
    checks = examine(CommandLine((plugin.command[0], str(alone)), plugin.home, plugin.base), status=1)
    assert {checks[name]["status"] for name in ("launcher", "zipapp", "plugin")} == {"ok"}


@pytest.mark.parametrize(
    ("root", "mode", "status"),
    [
        ("agentcore-sandbox", 0o700, "ok"),
        ("agentcore-sandbox", 0o770, "failure"),
        ("agentcore-sandboxA1", 0o700, "warning"),
    ],
    ids=["private", "open to the group", "temporary"],
)
def test_folder_that_a_zipapp_is_unpacked_into(tmp_path: Path, root: str, mode: int, status: str) -> None:
    package = tmp_path / root / "build" / "site-packages" / "agentcore_sandbox"
    package.mkdir(parents=True)
    (tmp_path / root).chmod(mode)
    (package / "cp.py").write_text("whole")
    packed = tmp_path / "agentcore-sandbox-any.pyz"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in START_UP.glob("*.py"):
            archive.write(path, f"_startup/{path.name}")
        archive.writestr("site-packages/agentcore_sandbox/cp.py", "whole")
    outcome = program.cache(program.Installation(packed, package))
    assert outcome.status == status
    assert str(tmp_path / root) in outcome.message


@pytest.mark.parametrize(("value", "status"), [("0", "warning"), ("63000", "ok")])
def test_what_the_kernel_says_of_namespaces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, status: str
) -> None:
    (tmp_path / "max_user_namespaces").write_text(f"{value}\n")
    switches = {str(tmp_path / "max_user_namespaces"): "0", str(tmp_path / "not of this kernel"): "0"}
    monkeypatch.setattr(emulator, "NAMESPACE_SWITCHES", switches)
    assert emulator.namespaces().status == status


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [("v22.13.1", "ok", "v22.13.1, "), ("v20.20.2", "warning", "too old for TypeScript"), ("", "warning", "not start")],
    ids=["new", "old", "broken"],
)
def test_version_of_a_runtime(monkeypatch: pytest.MonkeyPatch, said: str, status: str, words: str) -> None:
    monkeypatch.setenv("AGENTCORE_SANDBOX_LOCAL_NODE", sys.executable)
    monkeypatch.setattr(emulator, "_version", lambda _path: said)
    outcome = emulator.node()
    assert (outcome.status, words in outcome.message) == (status, True)
