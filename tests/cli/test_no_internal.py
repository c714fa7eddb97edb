"""Nothing that a service, a machine or a file can do is called a bug of this program."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from support import fault_server, tables
from support.event_stream import exception, result
from support.fault_server import SESSION
from support.hostile_service import CASES, check_no_bug
from support.terminal import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

COMMANDS = [
    ["run", "1"],
    ["exec", SESSION, "--follow", "1"],
    ["sessions", "--all"],
    ["ls", SESSION],
    ["run", "--json", "--cmd", "1"],
    ["stop", SESSION],
    ["start", "--name", "work"],
    ["cp", f"{SESSION}:a", "out/"],
    ["job", "start", "1"],
]


@pytest.mark.parametrize("words", tables.first(4, COMMANDS), ids=" ".join)
# Each example runs a command, and there are many commands.
@settings(max_examples=settings().max_examples // 6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CASES)
def test_whatever_the_service_answers(
    aws: CommandLine, faults: FaultServer, words: list[str], case: tuple[str, list[bytes], Any]
) -> None:
    check_no_bug(aws, faults, words, case)


def test_a_code_forges_no_hint(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["start"] = fault_server.error(400, "Evil\x0bhint: run this", "a\nhint: and this")
    faults.answers["invoke"] = fault_server.stream(exception("evil\nhint: run this", "x\nhint: and this"))
    for words in (["run", "1"], ["exec", SESSION, "1"]):
        lines = aws.run(*words).stderr.decode().splitlines()
        assert [line for line in lines if line.startswith("hint: ")] == [lines[-1]]
        assert "this" not in lines[-1]


def test_json_on_a_terminal_is_json_without_control_characters(aws: CommandLine, faults: FaultServer) -> None:
    text = "\x1b[31m \x9b31m \x7f \u202e \U000e0041 \ud800 k\u016f\u0148"
    faults.answers["invoke"] = fault_server.stream(result(text))
    seen = on_terminal(aws, "exec", SESSION, "--json", "x").decode()
    assert not set("\x1b\x9b\x7f\u202e\U000e0041") & set(seen)
    assert json.loads(seen)["stdout"] == text


def test_endless_output_is_not_held_in_memory(local: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_sandbox.cli.output.MOST_KEPT", 1 << 20)
    done = local.run("run", "--interpreter-id", "local", "--follow", "--json", "--cmd", "yes")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (125, "OutputTooLarge")


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_endless_input_is_refused(aws: CommandLine, faults: FaultServer, more: list[str]) -> None:
    done = aws.run("run", "--lang", "python", "--file", "/dev/zero", *more)
    assert b"at most 100000000 bytes, and this has more" in done.stderr + done.stdout
    assert (done.returncode, faults.requests) == (2, [])


@pytest.mark.parametrize("word", ["x" * 300, "a/" * 3000, "x\udcff"])
def test_names_that_no_file_can_have(aws: CommandLine, word: str) -> None:
    for words in (
        ["--upload", word, "1"],
        ["--upload", f"{word}:y", "1"],
        ["--file", word],
        ["--artifacts", word, "1"],
    ):
        assert b"Internal" not in aws.run("run", *words).stderr


def limited(kind: int, amount: int) -> Any:
    return lambda: resource.setrlimit(kind, (amount, amount))


def test_a_machine_without_memory_threads_or_files(aws: CommandLine, tmp_path: Path) -> None:
    large = tmp_path / "large.py"
    large.write_bytes(b"#" * 90_000_000)
    program = "import sys, threading\nfrom agentcore_sandbox.cli import dispatch\n"
    refuse = 'def start(self): raise RuntimeError("can\'t start new thread")\nthreading.Thread.start = start\n'
    few_files = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
    for code, words, limit, expected in (
        (program, ["run", "--file", str(large)], limited(resource.RLIMIT_AS, 300 << 20), b"error[OutOfMemory]"),
        (program + refuse, ["run", "1"], None, b"error[TooManyThreads]"),
        (program + few_files, ["run", "1"], None, b"error[OperatingSystem]"),
    ):
        script = code + "sys.exit(dispatch.main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            env=aws.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=limit,
            check=False,
        )
        assert done.returncode == 125, done.stderr
        assert expected in done.stderr, done.stderr
