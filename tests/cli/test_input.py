"""What the user gives arrives unchanged, or is refused with one clear line before anything is started."""

from __future__ import annotations

import json
import os
import pty
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.cli.parser import Parser
from agentcore_sandbox.commands import exec as exec_command
from support.fault_server import SESSION
from support.processes import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

REGION = "command export AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-2"


def sent(faults: FaultServer) -> list[dict[str, object]]:
    return [request.body["arguments"] for request in faults.requests if request.operation == "invoke"]


CODE = """\n-x = 'a', "b", `c`, $d, \\n\r\n\t'žluťoučký 🐎 \u202e \ufeff', '\x1b[31m\x07\x7f'\n"""


def test_code_arrives_unchanged_as_argument_pipe_and_file(
    aws: CommandLine, faults: FaultServer, tmp_path: Path
) -> None:
    path = tmp_path / "code.py"
    path.write_bytes(CODE.encode())
    for words, stdin in (
        (["--", CODE], b""),
        (["-"], CODE.encode()),
        ([], CODE.encode()),
        (["--file", str(path)], b""),
    ):
        done = aws.run("run", *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
    assert faults.programs() == [CODE] * 4


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.permutations(["--json", "--lang=js", "SESSION"]),
)
def test_any_code_after_double_minus_is_the_code(code: str, before: list[str]) -> None:
    parser = Parser(prog="test")
    exec_command.add_arguments(parser)
    parsed = parser.parse([*before, "--", code])
    assert (parsed["session"], parsed["code"], parsed["as_json"]) == ("SESSION", code, True)


@given(st.permutations(["--json", "--lang=js", "SESSION", "-1+2", "--clear-context"]))
def test_flags_before_between_and_after(words: list[str]) -> None:
    parser = Parser(prog="test")
    exec_command.add_arguments(parser)
    parsed = parser.parse(words)
    positional = [word for word in words if word in ("SESSION", "-1+2")]
    assert [parsed["session"], parsed["code"]] == positional
    assert (parsed["as_json"], parsed["language"], parsed["clear_context"]) == (True, "js", True)


def test_connection_flags_before_the_command(aws: CommandLine, faults: FaultServer) -> None:
    done = aws.run("--region", "eu-north-1", "--json", "exec", SESSION, "--cmd", "true")
    assert json.loads(done.stdout)["exitCode"] == 0
    assert "AWS_REGION=eu-north-1" in str(sent(faults)[0]["command"])


@pytest.mark.parametrize(
    ("suffix", "language"),
    [(".py", "python"), (".js", "javascript"), (".mjs", "javascript"), (".ts", "typescript"), (".TS", "typescript")],
)
def test_language_by_suffix(aws: CommandLine, faults: FaultServer, tmp_path: Path, suffix: str, language: str) -> None:
    path = tmp_path / f"program{suffix}"
    path.write_text("1")
    assert aws.run("exec", SESSION, "--file", str(path)).returncode == 0
    assert sent(faults)[-1]["language"] == language


def test_shell_file_and_language_flag_over_suffix(aws: CommandLine, faults: FaultServer, tmp_path: Path) -> None:
    path = tmp_path / "program.sh"
    path.write_text("echo 'it''s'\nexit 0\n")
    assert aws.run("exec", SESSION, "--file", str(path)).returncode == 0
    assert aws.run("exec", SESSION, "--lang", "ts", "--file", str(path)).returncode == 0
    assert str(sent(faults)[0]["command"]).startswith(f"{REGION} 2>/dev/null; eval ")
    assert sent(faults)[-1]["language"] == "typescript"


def test_runtime_and_clear_context_are_sent(aws: CommandLine, faults: FaultServer) -> None:
    words = ("--lang", "js", "--runtime", "nodejs", "--clear-context", "1")
    assert aws.run("exec", SESSION, *words).returncode == 0
    preparation, program = sent(faults)
    assert preparation.pop("clearContext") is True
    assert preparation.pop("code")
    assert preparation == {"language": "javascript", "runtime": "nodejs"}
    assert program == {"code": "1", "language": "javascript", "runtime": "nodejs"}


def test_environment_is_sent_apart_from_the_code(aws: CommandLine, faults: FaultServer) -> None:
    words = ("--env", "A=x'y\n\"z=", "--env", "COPIED", "--env", "EMPTY=", "print(1)")
    done = aws.run("exec", SESSION, *words, env={"COPIED": "from here"})
    assert done.returncode == 0, done.stderr
    preparation = sent(faults)[0]
    for text in ("'COPIED': 'from here'", "'EMPTY': ''", "'AWS_DEFAULT_REGION': 'us-west-2'"):
        assert text in str(preparation["code"])
    assert faults.programs() == ["print(1)"]


def test_lifetime_is_sent(aws: CommandLine, faults: FaultServer) -> None:
    assert aws.run("start", "--timeout", "28800").returncode == 0
    assert aws.run("start").returncode == 0
    assert [request.body["sessionTimeoutSeconds"] for request in faults.requests] == [28800, 900]


def test_a_password_in_the_endpoint_is_refused_and_not_shown(aws: CommandLine, faults: FaultServer) -> None:
    url = faults.url.replace("http://", "http://user:value-secret@")
    done = aws.run("run", "--endpoint-url", url, "x")
    assert (done.returncode, faults.requests) == (2, [])
    assert done.stderr.startswith(b"error[Usage]: the endpoint URL has a name or a password in it\nhint: ")
    assert b"value-secret" not in done.stderr
    done = aws.run("run", "x", env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://user:value-secret@127.0.0.1:1"})
    assert done.stderr.startswith(b"error[NoNetwork]: cannot reach http://127.0.0.1:1\nhint: ")
    done = aws.run("run", "x", env={"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://user:value-secret@a b/"})
    assert done.stderr.startswith(b"error[AwsConfiguration]: the endpoint's URL cannot be used\nhint: ")
    assert b"value-secret" not in done.stderr


def test_minus_reads_a_terminal_and_no_argument_does_not(aws: CommandLine, faults: FaultServer) -> None:
    master, slave = pty.openpty()
    refused = aws.start("exec", SESSION, stdin=slave)
    _, stderr = refused.communicate(timeout=DEADLINE)
    assert (refused.returncode, stderr.splitlines()[0]) == (2, b"error[Usage]: no code")
    os.write(master, b"print(1)\n\x04")  # Ctrl-D
    child = aws.start("exec", SESSION, "-", stdin=slave)
    os.close(slave)
    _, stderr = child.communicate(timeout=DEADLINE)
    os.close(master)
    assert child.returncode == 0, stderr
    assert faults.programs() == ["print(1)\n"]


def test_wrong_usage_as_json(aws: CommandLine) -> None:
    done = aws.run("run", "--json", "--timeout", "x", "y")
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout)["error"]["code"] == "Usage"


def test_no_interpreter_names_the_choices(cli: CommandLine) -> None:
    done = cli.run("run", "x")
    assert done.returncode == 2
    for words in (b"error[NoInterpreter]", b"local", b"aws.codeinterpreter.v1", b"CUSTOM_AGENTCORE_INTERPRETER_ID"):
        assert words in done.stderr
