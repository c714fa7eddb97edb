"""The main rows of the command line as a zipapp."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from support import event_stream, fault_server
from support.mcp_client import serving
from support.zipapps import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

EVERY_BYTE = bytes(range(256)) * 41 + b"\r\n\x1a\r"


def text(cli: CommandLine, *words: str, stdin: bytes = b"", status: int = 0) -> str:
    """What a command prints, which may say nothing else."""
    done = cli.run(*words, stdin=stdin)
    assert (done.returncode, done.stderr) == (status, b"")
    return done.stdout.decode()


def test_version(cli: CommandLine) -> None:
    assert text(cli, "--version").startswith(VERSION.decode())


def test_doctor(cli: CommandLine, zipapp: Path) -> None:
    found = json.loads(cli.run("doctor", "--json").stdout)
    sound = {check["name"] for check in found["checks"] if check["status"] == "ok"}
    assert sound >= {"lock", "python", "program", "cache", "copy", "state"}
    assert zipapp.name in json.dumps(found)


def test_a_program_and_its_exit_status(cli: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(event_stream.result("kůň\ncafé\n", "oh\n", 42))
    code = "print('žluť & %PATH% ^ !')"
    done = cli.using(**faults.environment).run("run", "-", stdin=code.encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (42, "kůň\ncafé\n", b"oh\n")
    assert faults.programs() == [code]
    assert faults.operations() == ["start", "invoke", "stop"]


def test_a_service_that_refuses(cli: CommandLine, faults: FaultServer) -> None:
    faults.answers["start"] = fault_server.error(403, "AccessDeniedException", "not you")
    done = cli.using(**faults.environment).run("run", "1", "--json")
    assert done.returncode == 125
    assert json.loads(done.stdout)["error"]["code"] == "AccessDenied"


def test_a_session_by_name(emulator: CommandLine) -> None:
    assert emulator.run("exec", "work", "x = 'ž'").returncode == 0
    assert text(emulator, "exec", "work", "print(x * 3)") == "žžž"
    assert [found["name"] for found in json.loads(text(emulator, "sessions", "--json"))["sessions"]] == ["work"]
    assert text(emulator, "stop", "work") == "session stopped\n"


def test_files_both_ways(emulator: CommandLine) -> None:
    (emulator.home / "up").mkdir()
    (emulator.home / "up" / "a file ž.bin").write_bytes(EVERY_BYTE)
    assert emulator.run("cp", "up", "files:data").returncode == 0
    assert emulator.run("cp", "files:data", "down").returncode == 0
    assert (emulator.home / "down" / "a file ž.bin").read_bytes() == EVERY_BYTE
    assert text(emulator, "stop", "files") == "session stopped\n"


def test_jobs(emulator: CommandLine) -> None:
    job = emulator.run("job", "start", "--cmd", "printf 'a\\r\\nb'; exit 3").stdout.decode().strip()
    assert emulator.run("job", "wait", job).returncode == 3
    assert job in text(emulator, "job", "list")
    assert emulator.run("job", "logs", job).stdout == b"a\r\nb"
    assert emulator.run("job", "rm", job).returncode == 0


@pytest.mark.nightly
def test_a_map_by_two_sessions_at_once(emulator: CommandLine) -> None:
    (emulator.home / "items ž.txt").write_text("á\nb\n", "utf-8")
    done = emulator.run("map", "--items", "items ž.txt", "--sessions", "2", "import os; print(os.environ['ITEM'])")
    printed = {record["item"]: record["stdout"] for record in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, printed) == (0, {"á": "á\n", "b": "b\n"})
    assert b"not written down" not in done.stderr  # both write into one log


def test_output_as_it_comes(emulator: CommandLine) -> None:
    assert text(emulator, "run", "--follow", "--cmd", "printf 'a\\nb\\r\\n'") == "a\nb\r\n"


def test_the_server_of_tools(emulator: CommandLine) -> None:
    with serving(emulator, stderr=subprocess.PIPE) as client:
        client.initialize()
        assert client.value("run_code", code="print('ž' * 3)")["stdout"] == "žžž"
        assert client.close() == 0
