"""What the user gives arrives unchanged, or is refused with one clear line before anything is started."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox import cli as command_line
from agentcore_sandbox.commands import exec as exec_command
from support.fault_server import SESSION

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

REGION = "export AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-2"


def sent(faults: FaultServer) -> list[dict[str, object]]:
    return [request.body["arguments"] for request in faults.requests if request.operation == "invoke"]


CODES = {
    "plain": "print(1)",
    "minus": "-1 + 2",
    "minus letter after --": "-x",
    "looks like a flag after --": "--json",
    "double minus after --": "--",
    "quotes": """print('a', "b", `c`, $d, \\n)""",
    "newlines": "\n\na = 1\r\nb = 2\n\tc\n",
    "unicode": "print('žluťoučký 🐎 \u202e \ufeff')",
    "control": "print('\x1b[31m\x07\x7f')",
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES.keys())
def test_code_arrives_unchanged_as_argument_pipe_and_file(
    aws: CommandLine, faults: FaultServer, tmp_path: Path, code: str
) -> None:
    path = tmp_path / "code.py"
    path.write_bytes(code.encode())
    for words, stdin in (
        (["--", code], b""),
        (["-"], code.encode()),
        ([], code.encode()),
        (["--file", str(path)], b""),
    ):
        done = aws.run("exec", SESSION, *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
    expected = {"code": code, "language": "python"}
    assert [arguments for arguments in sent(faults) if "environ.update" not in str(arguments)] == [expected] * 4


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.permutations(["--json", "--lang=js", "SESSION"]),
)
def test_any_code_after_double_minus_is_the_code(code: str, before: list[str]) -> None:
    parser = command_line.Parser(prog="test")
    exec_command.add_arguments(parser)
    parsed = parser.parse([*before, "--", code])
    assert (parsed["session"], parsed["code"], parsed["as_json"]) == ("SESSION", code, True)


@given(st.permutations(["--json", "--lang=js", "SESSION", "-1+2", "--clear-context"]))
def test_flags_before_between_and_after(words: list[str]) -> None:
    parser = command_line.Parser(prog="test")
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
    assert str(sent(faults)[0]["command"]).startswith(f"{REGION}; exec /bin/sh -c ")
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
    preparation, program = sent(faults)
    for text in ("'COPIED': 'from here'", "'EMPTY': ''", "'AWS_DEFAULT_REGION': 'us-west-2'"):
        assert text in str(preparation["code"])
    assert program["code"] == "print(1)"


def test_lifetime_is_sent(aws: CommandLine, faults: FaultServer) -> None:
    assert aws.run("start", "--timeout", "28800").returncode == 0
    assert aws.run("start").returncode == 0
    assert [request.body["sessionTimeoutSeconds"] for request in faults.requests] == [28800, 900]


WRONG: dict[str, tuple[list[str], bytes, str]] = {
    "no command but flags": (["--json-x"], b"", "no command"),
    "unknown command": (["runn", "x"], b"", "no such command: 'runn'"),
    "unknown flag": (["run", "--jsn", "x"], b"", "unrecognized arguments: --jsn"),
    "abbreviated flag": (["run", "--interp", "local", "x"], b"", "unrecognized arguments"),
    "flag without value": (["run", "--lang"], b"", "expected one argument"),
    "unknown language": (["run", "--lang", "ruby", "x"], b"", "invalid choice: 'ruby'"),
    "language and command": (["run", "--lang", "js", "--cmd", "x"], b"", "not allowed with"),
    "unknown runtime": (["run", "--runtime", "bun", "x"], b"", "invalid choice: 'bun'"),
    "two codes": (["run", "x", "y"], b"", "unrecognized arguments: y"),
    "code and file": (["run", "x", "--file", "y.py"], b"", "given twice"),
    "no such file": (["run", "--file", "missing.py"], b"", "cannot read missing.py: No such file"),
    "a folder": (["run", "--file", "."], b"", "cannot read .: Is a directory"),
    "unknown suffix": (["run", "--file", "/etc/passwd"], b"", "cannot tell the language"),
    "empty code": (["run", ""], b"", "the code is empty"),
    "blank code": (["run", " \n"], b"", "the code is empty"),
    "empty pipe": (["run"], b"", "the code is empty"),
    "undecodable pipe": (["run", "-"], b"print('\xff')", "standard input is not UTF-8 text: byte 7 is wrong"),
    "NUL in the pipe": (["run", "-"], b"a\0b", "NUL"),
    "lifetime 0": (["run", "--timeout", "0", "x"], b"", "'0' is not a whole number of seconds from 1 to 28800"),
    "lifetime too long": (["run", "--timeout", "28801", "x"], b"", "from 1 to 28800"),
    "lifetime a word": (["start", "--timeout", "5m"], b"", "'5m' is not a whole number"),
    "lifetime infinite": (["start", "--timeout", "inf"], b"", "'inf' is not a whole number"),
    "limit 0": (["run", "--exec-timeout", "0", "x"], b"", "above 0"),
    "limit negative": (["run", "--exec-timeout", "-1", "x"], b"", "above 0"),
    "limit not a number": (["run", "--exec-timeout", "nan", "x"], b"", "above 0"),
    "output limit 0": (["run", "--max-output", "0", "x"], b"", "from 1"),
    "output limit a word": (["run", "--max-output", "1k", "x"], b"", "'1k' is not a whole number of bytes"),
    "bad session id": (["exec", "no-such/id", "x"], b"", "not a session's id or name: 'no-such/id'"),
    "no session": (["exec"], b"", "the following arguments are required: session"),
    "bad session to stop": (["stop", "a", "b c"], b"", "not a session's id or name: 'b c'"),
    "nothing to stop": (["stop"], b"", "give the ids or names of sessions, or --all"),
    "all and some to stop": (["stop", "--all", "a"], b"", "give the ids or names of sessions, or --all"),
    "bad variable name": (["run", "--env", "A-B=1", "x"], b"", "not a variable name: 'A-B'"),
    "variable not set": (["run", "--env", "NOT_SET_HERE", "x"], b"", "variable NOT_SET_HERE is not set here"),
    "bad interpreter": (["run", "--interpreter-id", "../x", "x"], b"", "not an interpreter id or ARN: '../x'"),
    "bad region": (["run", "--region", "evil.example/", "x"], b"", "not a region name"),
    "bad endpoint": (["run", "--endpoint-url", "127.0.0.1:80", "x"], b"", "not an endpoint URL"),
    "long command": (["run", "--cmd", "-"], b"x" * (128 << 10), "at most 131071 bytes"),
    "code over 100 MB": (["run", "-"], b"x" * 100_000_001, "at most 100000000 bytes, this has 100000001"),
    "help for nothing": (["help", "nothing"], b"", "no such command: 'nothing'"),
}


@pytest.mark.parametrize(("words", "stdin", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage(aws: CommandLine, faults: FaultServer, words: list[str], stdin: bytes, message: str) -> None:
    done = aws.run(*words, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, b"")
    first, *rest = done.stderr.decode().splitlines()
    assert first.startswith("error[")
    assert message in first
    assert all(line.startswith("hint: ") for line in rest)
    assert faults.requests == []


def test_wrong_usage_as_json(aws: CommandLine) -> None:
    done = aws.run("run", "--json", "--timeout", "x", "y")
    assert (done.returncode, done.stderr) == (2, b"")
    assert json.loads(done.stdout)["error"]["code"] == "Usage"


def test_no_interpreter_names_the_choices(cli: CommandLine) -> None:
    done = cli.run("run", "x")
    assert done.returncode == 2
    for words in (b"error[NoInterpreter]", b"local", b"aws.codeinterpreter.v1", b"CUSTOM_AGENTCORE_INTERPRETER_ID"):
        assert words in done.stderr
