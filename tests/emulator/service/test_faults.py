"""Faults on request, as boto3 meets them."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from urllib3.exceptions import ProtocolError

from agentcore_emulator.errors import SettingError
from agentcore_emulator.service import faults
from support import http_calls, service
from support.local import serving
from support.service import KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

    from support.local import Local


def start(client: BedrockAgentCoreClient) -> str:
    return client.start_code_interpreter_session(codeInterpreterIdentifier="local")["sessionId"]


def invoke(client: BedrockAgentCoreClient, session: str) -> list[Any]:
    answer = client.invoke_code_interpreter(
        codeInterpreterIdentifier="local", sessionId=session, name="executeCommand", arguments={"command": "ls"}
    )
    with closing(answer["stream"]) as stream:
        return list(stream)


def test_requests_are_throttled_so_many_times(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["throttle=start:2"]) as running:
        client = running.client()
        for _ in range(2):
            with pytest.raises(client.exceptions.ThrottlingException) as raised:
                start(client)
            assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert start(client)


def test_a_request_fails_as_the_service_would(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["error=stop"]) as running:
        client = running.client()
        reference = {"codeInterpreterIdentifier": "local", "sessionId": start(client)}
        with pytest.raises(client.exceptions.InternalServerException):
            client.stop_code_interpreter_session(**reference)
        assert client.get_code_interpreter_session(**reference)["status"] == "READY"
        client.stop_code_interpreter_session(**reference)


def test_latency_holds_for_all_requests_of_an_operation(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["latency=invoke:0.2"]) as running:
        client = running.client()
        session = start(client)
        for _ in range(2):
            before = time.monotonic()
            assert len(invoke(client, session)) == 1
            assert time.monotonic() - before >= 0.2


def test_a_stream_breaks_in_the_middle(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["break=invoke"]) as running:
        client = running.client()
        session = start(client)
        with pytest.raises(ProtocolError):
            invoke(client, session)
        assert len(invoke(client, session)) == 1


def test_a_stream_ends_with_an_error(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["fail=invoke"]) as running:
        client = running.client()
        session = start(client)
        with pytest.raises(EventStreamError) as raised:
            invoke(client, session)
        assert raised.value.response["Error"]["Code"] == "internalServerException"
        assert len(invoke(client, session)) == 1


def test_a_session_is_lost(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["lose=invoke"]) as running:
        client = running.client()
        sessions = [start(client), start(client)]
        with pytest.raises(ClientError, match=f"session {sessions[0]} is not active"):
            invoke(client, sessions[0])
        assert not running.sandboxes[0].alive
        assert len(invoke(client, sessions[1])) == 1


def test_a_fault_may_come_later(tmp_path: Path) -> None:
    with service.serve(tmp_path, faults=["throttle=start:1@2"]) as running:
        client = running.client()
        assert [start(client), start(client)]
        with pytest.raises(client.exceptions.ThrottlingException):
            start(client)
        assert start(client)


@pytest.mark.parametrize(
    "text",
    ["", "throttle", "throttle=", "throttle=all", "throttle=start:", "throttle=start:x", "throttle=start:-1",
     "throttle=start:0.5", "break=start:1", "melt=start", "latency=invoke:1e9", "latency=invoke:1234567",
     "throttle=start@", "throttle=start@x", "throttle=start:1@-1", "latency=invoke:1@2"],
)  # fmt: skip
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        faults.parse(text)


@pytest.mark.parametrize("header", ["X-Amzn-Trace-Id", "traceparent"])
@pytest.mark.aws("assumed", "Requests", "Trace headers are sent back as they came")
def test_trace_headers_come_back_and_are_recorded(tmp_path: Path, header: str) -> None:
    with service.serve(tmp_path) as running:
        target = "/code-interpreters/local/sessions/start"
        for value, status, seen in (("Root=1-5759e988", 200, "Root=1-5759e988"), ("a\r\n b: c", 400, None)):
            answer = http_calls.call(running.url, KEYS, "PUT", target, headers={header: value})
            assert (answer.status, answer.headers.get(header)) == (status, seen)
        (told,) = [request for request in running.requests if "Root=1-5759e988" in request.values()]
    assert (told["operation"], told["interpreter"]) == ("StartCodeInterpreterSession", "local")


def test_serve_takes_faults_and_quotas_and_logs_all_of_it(local: Local, tmp_path: Path) -> None:
    log = tmp_path / "log"
    flags = ["--fault", "throttle=start:1", "--max-sessions", "1", "--max-invoke-seconds", "3"]
    with serving(local, *flags, "--max-payload-bytes", "2000", "--log", str(log)):
        session = local.text("start", "--interpreter-id", "local").strip()
        assert "error[QuotaExceeded]" in local.failure("start", "--interpreter-id", "local")
        words = ["exec", session, "--interpreter-id", "local"]
        slow = local.run(*words, "while True: pass")
        assert (slow.returncode, b"took longer than 3 seconds" in slow.stderr) == (125, True)
        assert b"\nhint: for longer work use --follow or `agentcore-sandbox job start`" in slow.stderr
        large = local.run(*words, "#" * 3000)
        assert (large.returncode, b"at most 2000 are taken" in large.stderr) == (125, True)
        assert local.text(*words, "print(1)") == "1"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    refused = [line["error"] for line in lines if "error" in line]
    assert refused == ["ThrottlingException", "ServiceQuotaExceededException", "RequestEntityTooLargeException"]
    assert all("seconds" in line and "status" in line for line in lines if line["event"] == "answer")
    asked = [line for line in lines if line["event"] == "request" and line["operation"] == "InvokeCodeInterpreter"]
    assert {(line["sessionId"], line["tool"], line["interpreter"]) for line in asked} == {
        (session, "executeCode", "local")
    }


@pytest.mark.parametrize(
    ("name", "value"), [("FAULTS", "melt=all"), ("MAX_SESSIONS", "many"), ("MAX_INVOKE_SECONDS", "0")]
)
def test_a_wrong_variable_is_told(local: Local, name: str, value: str) -> None:
    done = local.run("local", "serve", env={f"AGENTCORE_SANDBOX_LOCAL_{name}": value})
    assert (done.returncode, done.stdout) == (2, b"")
    assert value in done.stderr.decode()
    done = local.run("local", "env", env={f"AGENTCORE_SANDBOX_LOCAL_{name}": value})
    assert done.returncode != 0
    assert value in done.stderr.decode()


def test_the_flags_are_for_serve_alone(local: Local) -> None:
    done = local.run("local", "status", "--fault", "throttle=start")
    assert (done.returncode, b"unrecognized arguments: --fault" in done.stderr) == (2, True)
