"""What can be wrong around the commands of an account: network, credentials, settings, output. Nothing is made then."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE
from support.schema import check

if TYPE_CHECKING:
    from support.control_server import ControlServer
    from support.processes import CommandLine
    from support.query_proxy import QueryProxy

COMMANDS = {
    "setup": ["setup", "demo", "--network", "sandbox", "--yes"],
    "teardown": ["setup", "demo", "--teardown", "--yes"],
    "interpreter": ["interpreter", "create", "demo", "--network", "sandbox"],
    "policy": ["policy", "trust"],
}
NOWHERE = "http://127.0.0.1:1"
EXPIRED = (403, "ExpiredTokenException", "The security token included in the request is expired: dummy-token")
CONDITIONS = {
    "no network": (
        {"AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": NOWHERE},
        "NoNetwork",
        "check the network",
    ),
    "expired": ({"AWS_SESSION_TOKEN": "dummy-token"}, "ExpiredCredentials", "log in again"),
    "unknown profile": ({"CUSTOM_AGENTCORE_AWS_PROFILE": "nobody"}, "UnknownProfile", "aws configure list-profiles"),
    "no region": ({"AWS_REGION": ""}, "NoRegion", "set --region"),
    "no credentials": (
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
        "NoCredentials",
        "set --profile",
    ),
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize(("env", "code", "hint"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_each_names_the_cause_and_the_remedy(
    admin: CommandLine,
    proxy: QueryProxy,
    control: ControlServer,
    words: list[str],
    env: dict[str, str],
    code: str,
    hint: str,
) -> None:
    if code == "ExpiredCredentials":
        proxy.code = "ExpiredToken"
        control.refusals["create"] = [EXPIRED]
    done = admin.run(*words, env=env)
    assert (done.returncode, done.stdout) == (125, b"")
    first, second = done.stderr.decode().splitlines()
    assert first.startswith(f"error[{code}]: ")
    assert second.startswith("hint: ")
    assert hint in second
    assert "dummy" not in first + second
    assert control.interpreters == {}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_failure_is_an_object_with_json(admin: CommandLine, words: list[str]) -> None:
    answer = check("failure", replace(admin, base={**admin.base, "AWS_REGION": ""}), *words, status=125)
    assert answer["error"]["code"] == "NoRegion"


ANSWERS = {
    "list": ["interpreter", "list"],
    "plan": ["setup", "demo", "--network", "sandbox", "--dry-run"],
    "made": ["setup", "demo", "--network", "sandbox", "--yes"],
    "findings": ["doctor", "--interpreter-id", "aws.codeinterpreter.v1"],
}


@pytest.mark.parametrize("words", ANSWERS.values(), ids=ANSWERS.keys())
def test_output_that_cannot_be_written(admin: CommandLine, control: ControlServer, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        child = admin.start(*words, stdout=full.fileno())
        _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 125, said
    assert b"error[OutputFailed]: cannot write to standard output: No space left on device\n" in said
    assert b"Traceback" not in said
    made = [found["codeInterpreterId"] for found in control.interpreters.values()]
    assert all(interpreter_id.encode() in said for interpreter_id in made)  # what was made is told nevertheless


def test_reader_that_is_gone(admin: CommandLine) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    child = admin.start("interpreter", "list", stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    _, said = child.communicate(timeout=DEADLINE)
    assert (child.returncode, said) == (141, b"")
