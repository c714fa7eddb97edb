"""AWS's own clients, unchanged, in processes that get nothing but the lines of `local env`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.processes import eventually
from support.sandboxes import cannot

if TYPE_CHECKING:
    from support.processes import CommandLine
    from support.target import Target

GO_SOURCE = Path(__file__).parent / "go"
INVOKES = 40 if os.environ.get("AGENTCORE_TEST_AWS") == "1" else 500
SDK_SESSION = Path(__file__).parent / "sdk_session.py"
PROGRAM = "aws"


def test_the_sdk_for_python(target: Target) -> None:
    done = target.python().run(str(SDK_SESSION))
    assert (done.returncode, done.stderr) == (0, b"")
    seen = json.loads(done.stdout)
    assert seen["identifier"] == "aws.codeinterpreter.v1"
    assert seen["code"]["structuredContent"]["stdout"] == "8"
    assert seen["error"]["isError"] is True
    assert "ZeroDivisionError" in seen["error"]["structuredContent"]["stderr"]
    assert seen["command"]["structuredContent"]["stdout"].strip() == "3"
    assert (seen["text"], seen["blob"]) == ("a,b\n1,2\n", [0, 255, 0])
    assert [name.lstrip("/") for name in seen["files"]] == ["data.csv"]
    assert seen["cleared"]["structuredContent"]["stdout"] == "False"
    assert (seen["status"], seen["listed"], seen["after"]) == ("READY", True, "TERMINATED")


@pytest.mark.nightly  # Go compiles the SDK
def test_the_sdk_for_go_loses_no_invoke(target: Target, tmp_path: Path) -> None:
    """It loses those whose response begins while it still reads the request's body."""
    go, program = shutil.which("go"), str(tmp_path / "program")
    if go is None:
        cannot("this machine has no Go")
    environment = {name: value for name, value in os.environ.items() if name.startswith("GO")}
    environment |= {name: os.environ[name] for name in ("PATH", "HOME")}  # the modules and what is built stay below it
    options = ["-mod=readonly", "-modcacherw", "-buildvcs=false", "-gcflags=all=-N -l"]
    subprocess.run([str(go), "build", *options, "-o", program], cwd=GO_SOURCE, env=environment, check=True)
    done = target.command_line(program).run(target.interpreter, str(INVOKES))
    assert (done.returncode, done.stdout) == (0, b"")


def aws(target: Target, service: str = "bedrock-agentcore") -> CommandLine:
    program = shutil.which(PROGRAM, path=str(Path(sys.executable).parent))
    assert program, "the AWS CLI is part of the test environment"
    return target.command_line(sys.executable, program, service)


def answer(cli: CommandLine, *words: str) -> Any:
    done = cli.run(*words, "--output", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_the_aws_clis_session_commands(target: Target) -> None:
    cli, interpreter = aws(target), ("--code-interpreter-identifier", target.interpreter)
    started = answer(cli, "start-code-interpreter-session", *interpreter, "--name", "by-aws-cli")
    session = ("--session-id", started["sessionId"])
    got = answer(cli, "get-code-interpreter-session", *interpreter, *session)
    assert (got["name"], got["status"], got["createdAt"]) == ("by-aws-cli", "READY", started["createdAt"])
    listed = answer(cli, "list-code-interpreter-sessions", *interpreter, "--status", "READY")
    assert started["sessionId"] in [item["sessionId"] for item in listed["items"]]
    stopped = answer(cli, "stop-code-interpreter-session", *interpreter, *session)
    assert stopped["sessionId"] == started["sessionId"]
    again = cli.run("stop-code-interpreter-session", *interpreter, *session)
    assert again.returncode != 0
    assert b"ConflictException" in again.stderr


def test_the_aws_clis_commands_for_interpreters(target: Target) -> None:
    cli, name = aws(target, "bedrock-agentcore-control"), f"conformance_{uuid.uuid4().hex[:8]}"
    network = ("--network-configuration", "networkMode=SANDBOX")
    made = answer(cli, "create-code-interpreter", "--name", name, *network, "--tags", "made-by=conformance")
    interpreter = ("--code-interpreter-id", made["codeInterpreterId"])
    assert (made["status"], made["codeInterpreterId"][:-10]) == ("CREATING", f"{name}-")

    def status() -> str:
        return str(answer(cli, "get-code-interpreter", *interpreter)["status"])

    assert eventually(lambda: status() == "READY")
    listed = answer(cli, "list-code-interpreters", "--type", "CUSTOM")["codeInterpreterSummaries"]
    assert made["codeInterpreterArn"] in [item["codeInterpreterArn"] for item in listed]
    again = cli.run("create-code-interpreter", "--name", name, *network)
    assert again.returncode != 0
    assert b"ConflictException" in again.stderr
    assert answer(cli, "delete-code-interpreter", *interpreter)["status"] == "DELETING"
