"""How a connection begins, ends and is interrupted, by a server process."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.mcp.revisions import CAPABILITIES
from support import event_stream, fault_server, tables
from support.mcp_client import HANDSHAKE, STATELESS, McpClient, envelope, serving
from support.processes import children, eventually

if TYPE_CHECKING:
    from support.fault_server import FaultServer, Handler
    from support.local import Local
    from support.processes import CommandLine


@pytest.mark.parametrize("revision", HANDSHAKE)
def test_a_handshake_begins_older_revisions(client: McpClient, revision: str) -> None:
    result = client.initialize(revision)
    assert (result["protocolVersion"], result["capabilities"]) == (revision, CAPABILITIES)
    assert "resultType" not in client.request("tools/list")["result"]
    assert client.request("ping")["result"] == {}


def test_an_unknown_revision_is_answered_with_one_that_is_served(client: McpClient) -> None:
    assert client.initialize("2024-11-05")["protocolVersion"] == HANDSHAKE[0]


def test_the_newest_revision_needs_no_beginning(served: Local) -> None:
    with serving(served) as client:
        found = client.request("server/discover", _meta=envelope())["result"]
        assert (found["supportedVersions"], found["resultType"]) == ([STATELESS], "complete")
        tools = client.request("tools/list", _meta=envelope())["result"]
        assert (tools["resultType"], tools["cacheScope"], len(tools["tools"]) > 2) == ("complete", "public", True)
        assert client.request("ping", _meta=envelope())["error"]["code"] == -32601
        old = {**envelope(), "io.modelcontextprotocol/protocolVersion": "1900-01-01"}
        refused = client.request("tools/list", _meta=old)["error"]
        assert (refused["code"], refused["data"]) == (-32022, {"supported": [STATELESS], "requested": "1900-01-01"})


def test_nothing_is_asked_of_aws_before_the_first_call(cli: CommandLine, faults: FaultServer) -> None:
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        client.request("tools/list")
        assert (faults.connections, children(client.process.pid)) == (0, [])
        client.value("run_code", code="1")
        client.value("run_code", code="2")
        assert client.close() == 0
    assert faults.operations() == ["start", "invoke", "invoke", "stop"]
    assert faults.connections <= 2  # a first program does not wait for the answer to its preparation


@pytest.mark.usefixtures("from_source")
def test_what_a_call_uses_is_imported_once_the_tools_are_listed(cli: CommandLine, faults: FaultServer) -> None:
    log = cli.home / "imports"
    profiled = cli.using(**faults.environment, PYTHONPROFILEIMPORTTIME="1")
    with log.open("wb") as file, serving(profiled, stderr=file.fileno()) as client:
        client.initialize()
        client.request("tools/list")
        eventually(lambda: b" agentcore_sandbox.execution.preparation\n" in log.read_bytes())
        assert faults.connections == 0


def test_without_an_interpreter_each_call_says_so(cli: CommandLine) -> None:
    with serving(cli) as client:
        client.initialize()
        assert client.failure("run_code", code="1").startswith("error[NoInterpreter]")
        assert client.request("tools/list")["result"]["tools"]


ENDS = {0: 0, signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


@pytest.mark.parametrize(("signum", "state"), tables.first(3, [(0, "idle"), *((signum, "busy") for signum in ENDS)]))
def test_no_session_survives_the_connection(cli: CommandLine, faults: FaultServer, signum: int, state: str) -> None:
    """Signal 0 stands for a client that closes the connection, or is killed: the system closes it then."""
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        client.value("run_code", code="1")
        faults.answers["invoke"] = fault_server.silence
        if state == "busy":
            faults.invoked.clear()
            for _ in range(3):
                client.start_call("run_code", code="2")
            assert faults.invoked.wait(60)
        client.process.send_signal(signum) if signum else client.close()
        assert client.process.wait(60) == ENDS[signum]
        assert eventually(lambda: "stop" in faults.operations())
    assert faults.operations().count("stop") == 1


def test_no_session_survives_a_client_that_reads_no_more(cli: CommandLine, faults: FaultServer) -> None:
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        client.value("run_code", code="1")
        assert client.process.stdout
        client.process.stdout.close()
        client.start("ping")
        assert client.process.wait(60) == 0
    assert faults.operations()[-1] == "stop"


def test_a_call_that_is_cancelled_ends_its_program_and_is_not_answered(cli: CommandLine, faults: FaultServer) -> None:
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        faults.answers["invoke"] = fault_server.silence
        cancelled = client.start_call("run_code", {"progressToken": "p"}, code="while 1: pass")
        assert faults.invoked.wait(60)
        client.cancel(cancelled)
        assert eventually(lambda: "stop" in faults.operations())
        faults.finished.set()
        faults.answers["invoke"] = fault_server.ok
        faults.answers["stop"] = fault_server.DEFAULTS["stop"]
        assert client.value("run_code", code="1")["stdout"] == "hello"
        assert client.close() == 0
    assert faults.operations() == ["start", "invoke", "stop", "start", "invoke", "stop"]


def test_progress_is_reported_while_a_call_runs(cli: CommandLine, faults: FaultServer) -> None:
    def slow(handler: Handler) -> None:
        assert faults.finished.wait(2.2) is False
        fault_server.stream(event_stream.result("late"))(handler)

    faults.answers["invoke"] = slow
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        answer = client.response(client.start_call("run_code", {"progressToken": 7}, code="1"))
    assert answer["result"]["structuredContent"]["stdout"] == "late"
    params = [note["params"] for note in client.notes]
    assert {param["progressToken"] for param in params} == {7}
    progress = [param["progress"] for param in params]
    assert progress == sorted(set(progress))
    assert len(progress) >= 2


def test_a_session_that_has_ended_is_replaced_and_that_is_said(cli: CommandLine, faults: FaultServer) -> None:
    with serving(cli.using(**faults.environment)) as client:
        client.initialize()
        client.value("run_code", code="1")
        gone = fault_server.error(404, "ResourceNotFoundException", "no such session")
        faults.answers["invoke"] = faults.preparation = fault_server.in_turn(gone, *[fault_server.ok] * 2)
        value = client.value("run_code", code="2")
    assert "its variables and files are lost" in value["notes"][0]


@pytest.mark.nightly
def test_an_emulator_that_was_killed_is_started_again(client: McpClient, served: Local) -> None:
    client.value("run_code", code="x = 1")
    os.kill(served.status()["pid"], signal.SIGKILL)
    assert client.call("run_code", code="x")["isError"]
    value = client.value("run_code", code="print(1)")
    assert (value["stdout"].strip(), len(value["notes"])) == ("1", 1)
