"""`local serve` in the foreground, with real processes."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.service.sigv4 import Keys
from support import http_calls
from support.local import VARIABLES, ended, serving
from support.processes import DEADLINE, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from support.local import Local


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_its_sessions(local: Local, number: signal.Signals) -> None:
    with serving(local) as (process, _):
        session = local.start_session()
        assert local.text("exec", session, "--interpreter-id", "local", "print(1)") == "1"
        process.send_signal(number)
        _, said = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0
        assert b"Traceback" not in said
        assert b"have ended" in said
    assert not (local.runtime / "sessions").exists()
    assert not local.runs


def test_it_prints_what_clients_need(local: Local) -> None:
    with serving(local) as (_, printed):
        assert list(printed) == VARIABLES
        said = local.text("local", "env")
        assert said.startswith("".join(f"export {k}={v or chr(39) * 2}\n" for k, v in printed.items()))
        assert local.state["url"] == printed["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"]


def test_a_shell_can_evaluate_what_env_prints(local: Local) -> None:
    lines = local.text("local", "env", env={"AWS_REGION": "it's; $(touch x)"})
    script = f'{lines}printf "%s|" "$AWS_REGION" "$CUSTOM_AGENTCORE_INTERPRETER_ID" "$AWS_SESSION_TOKEN"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env=local.base)
    assert done.stdout == "it's; $(touch x)|local||"


def test_it_serves_on_the_port_that_is_asked_for(local: Local) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(local, "--port", str(port)) as (_, printed):
        assert printed["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"] == f"http://127.0.0.1:{port}"


def test_a_port_that_is_taken_is_told(local: Local) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = local.failure("local", "serve", "--port", str(port))
    assert f"error[PortUnavailable]: port {port} cannot be used" in said
    assert "--port" in said
    assert not local.runs


def test_a_second_one_is_refused(local: Local) -> None:
    with serving(local) as (process, _):
        assert "error[LocalServiceBusy]" in local.failure("local", "serve")
        assert process.poll() is None


def test_local_stop_ends_it(local: Local) -> None:
    with serving(local) as (process, _):
        assert local.text("local", "stop") == "stopped\n"
        process.communicate(timeout=DEADLINE)
        assert process.returncode == 0


def test_a_gone_reader_ends_it(local: Local) -> None:
    process = local.start("local", "serve")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(DEADLINE) == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_requests_are_logged_on_demand(local: Local, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with serving(local, "--log", str(log)) as (_, printed):
        keys = Keys(printed["AWS_ACCESS_KEY_ID"], printed["AWS_SECRET_ACCESS_KEY"])
        url = printed["AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"]
        http_calls.call(url, keys, "POST", "/code-interpreters/local/sessions/list", b"{}")
        http_calls.call(url, keys, "GET", "/elsewhere")
        assert eventually(lambda: len(log.read_text().splitlines()) == 3)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    [handled] = [entry for entry in entries if entry["event"] != "answer"]
    answers = {entry["requestId"]: entry for entry in entries if entry["event"] == "answer"}
    assert handled["operation"] == "ListCodeInterpreterSessions"
    assert answers[handled["requestId"]]["path"] == "/code-interpreters/local/sessions/list"
    # Each is written once its answer is out, so those of two connections come in any order: requestId joins them.
    statuses = {entry["path"]: entry["status"] for entry in answers.values()}
    assert statuses == {"/code-interpreters/local/sessions/list": 200, "/elsewhere": 404}
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert keys.secret_access_key not in log.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "local needs the name of a command"),
        (["start"], "no such command: local start"),
        (["serve", "--port", "0"], "not a port number"),
        (["serve", "--port", "65536"], "not a port number"),
        (["serve", "--port", "http"], "not a port number"),
        (["serve", "--max-memory-bytes", "5X"], "--max-memory-bytes: must be a whole number above 0, such as 512M"),
        (["serve", "--max-cpus", "2K"], "--max-cpus: must be a whole number above 0, such as 10, not '2K'"),
        (["serve", "--log", "/dev/null/x"], "cannot log to /dev/null/x"),
        (["env", "--port", "5000"], "unrecognized arguments: --port"),
        (["stop", "--log", "x"], "unrecognized arguments: --log"),
    ],
)
def test_wrong_usage_starts_nothing(local: Local, words: list[str], said: str) -> None:
    done = local.run("local", *words)
    assert done.returncode == 2
    assert said in done.stderr.decode() + done.stdout.decode()
    assert not local.runs


def test_a_killed_foreground_service_leaves_nothing(local: Local) -> None:
    with serving(local) as (process, _):
        local.start_session()
        process.kill()
        process.wait(DEADLINE)
        assert ended(process.pid)
        assert not local.runs
        assert "no sessions" in local.run("sessions", "--interpreter-id", "local").stderr.decode()
