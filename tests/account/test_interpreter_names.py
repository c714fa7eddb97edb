"""Interpreters by name: looked up once, kept for this account, region and endpoint, and looked up again when gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from support import control_server, fault_server

if TYPE_CHECKING:
    from support.control_server import ControlServer
    from support.fault_server import FaultServer
    from support.processes import CommandLine

GONE = fault_server.error(404, "ResourceNotFoundException", "no such interpreter")


@pytest.fixture
def caller(admin: CommandLine, faults: FaultServer) -> CommandLine:
    """Both planes; the home and so the state folder of somebody who has created nothing."""
    home = admin.home / "caller"
    home.mkdir(exist_ok=True)
    endpoint = faults.environment["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"]
    return admin.using(AWS_ENDPOINT_URL_BEDROCK_AGENTCORE=endpoint, XDG_STATE_HOME=str(home))


def create(control: ControlServer, name: str, status: str = "READY") -> str:
    """Let an interpreter be there, also where another one has its name."""
    interpreter_id = f"{name}-{len(control.requests):05}{len(control.interpreters):05}"
    control.interpreters[interpreter_id] = {
        "codeInterpreterId": interpreter_id,
        "codeInterpreterArn": f"{control_server.ARNS}:123456789012:code-interpreter-custom/{interpreter_id}",
        "name": name,
        "status": status,
        "networkConfiguration": {"networkMode": "SANDBOX"},
        "createdAt": "2026-11-23T10:00:00Z",
        "lastUpdatedAt": "2026-11-23T10:00:00Z",
    }
    control.tags[control.interpreters[interpreter_id]["codeInterpreterArn"]] = {}
    return interpreter_id


def started(faults: FaultServer) -> list[str]:
    """The interpreters of the sessions."""
    return [request.path.split("/")[2] for request in faults.requests if request.operation == "start"]


def test_a_name_is_looked_up_once(caller: CommandLine, control: ControlServer, faults: FaultServer) -> None:
    create(control, "other")
    interpreter_id = create(control, "demo")
    for _ in range(2):
        assert caller.run("run", "--interpreter-id", "demo", "x").stdout == b"hello"
    assert caller.run("run", "x", env={"CUSTOM_AGENTCORE_INTERPRETER_ID": "demo"}).stdout == b"hello"
    assert started(faults) == [interpreter_id] * 3
    assert control.operations().count("list") == 1
    caller.run("run", "--interpreter-id", "demo", "--region", "eu-west-1", "x")
    caller.run("run", "--interpreter-id", "demo", "x", env={"AWS_ACCESS_KEY_ID": "AKIDOTHER"})
    assert control.operations().count("list") == 3


def test_who_creates_an_interpreter_need_not_ask(control: ControlServer, caller: CommandLine) -> None:
    done = caller.run("interpreter", "create", "demo", "--network", "sandbox")
    assert caller.run("run", "--interpreter-id", "demo", "x").returncode == 0, done.stderr
    assert "list" not in control.operations()


def test_name_and_id_have_the_same_named_sessions(
    caller: CommandLine, control: ControlServer, faults: FaultServer
) -> None:
    interpreter_id = create(control, "demo")
    for word in ("demo", interpreter_id):
        caller.run("exec", "work", "--interpreter-id", word, "x")
    assert len(started(faults)) == 1


def test_show_tag_and_delete_take_a_name_and_look_it_up_each_time(caller: CommandLine, control: ControlServer) -> None:
    interpreter_id = create(control, "demo")
    shown = json.loads(caller.run("interpreter", "show", "demo", "--json").stdout)
    assert shown["interpreterId"] == interpreter_id
    assert caller.run("interpreter", "tag", "demo", "a=b").returncode == 0
    control.interpreters.clear()
    successor = create(control, "demo")
    assert json.loads(caller.run("interpreter", "delete", "demo", "--yes", "--json").stdout) == {"deleted": successor}
    assert (
        b"error[UnknownInterpreter]: there is no interpreter 'demo' in"
        in caller.run("interpreter", "show", "demo").stderr
    )


def test_of_two_the_ready_one_is_meant_or_both_are_named(
    caller: CommandLine, control: ControlServer, faults: FaultServer
) -> None:
    first, second = create(control, "demo", "DELETING"), create(control, "demo")
    assert caller.run("run", "--interpreter-id", "demo", "x").returncode == 0
    assert started(faults) == [second]
    control.interpreters[first]["status"] = "READY"
    done = caller.run("run", "--interpreter-id", "demo", "--region", "eu-west-1", "x")
    assert done.returncode == 125
    assert b"error[AmbiguousInterpreter]: 2 interpreters have the name 'demo'" in done.stderr
    assert {first, second} <= set(done.stderr.decode().replace(",", " ").split())
    assert started(faults) == [second]


@pytest.mark.parametrize(("word", "near"), [("locl", "local"), ("Local_Public", "local-public"), ("dmo", "demo")])
def test_the_near_interpreter_is_named(caller: CommandLine, control: ControlServer, word: str, near: str) -> None:
    create(control, "demo")
    done = caller.run("run", "--interpreter-id", word, "x")
    assert done.returncode == 125
    assert b"error[UnknownInterpreter]" in done.stderr
    assert f"hint: did you mean {near}? " in done.stderr.decode()


def test_an_id_that_is_gone_is_looked_up_again(
    caller: CommandLine, control: ControlServer, faults: FaultServer
) -> None:
    create(control, "demo")
    caller.run("run", "--interpreter-id", "demo", "x")
    control.interpreters.clear()
    successor = create(control, "demo")
    faults.answers["start"] = GONE
    said = caller.run("run", "--interpreter-id", "demo", "x").stderr.decode()
    assert "error[UnknownInterpreter]" in said
    assert "which was 'demo', is not there any more" in said
    assert "hint: try again: the id of the name is looked up anew" in said
    del faults.answers["start"]
    assert caller.run("run", "--interpreter-id", "demo", "x").returncode == 0
    assert started(faults)[-1] == successor


def test_who_may_not_list_is_told_to_give_the_id(caller: CommandLine, control: ControlServer) -> None:
    control.refusals["list"] = [(403, "AccessDeniedException", "User: x is not authorized to perform: y")]
    said = caller.run("run", "--interpreter-id", "demo", "x").stderr.decode()
    assert "error[AccessDenied]: the id of 'demo' is not known" in said
    assert "hint: give its id, which need not be looked up; " in said


def test_local_is_never_looked_up(caller: CommandLine, control: ControlServer) -> None:
    for word in ("local", "local-public"):
        done = caller.run("sessions", "--interpreter-id", word, "--endpoint-url", "http://127.0.0.1:9")
        assert done.stderr.startswith(b"error[LocalServiceGone]"), done.stderr
    assert control.operations() == []
