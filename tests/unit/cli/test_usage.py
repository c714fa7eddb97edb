"""Wrong usage is refused with one clear line before anything is started, and code arrives as it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.fault_server import SESSION

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

    from support.fault_server import FaultServer
    from support.processes import CommandLine

WRONG: dict[str, tuple[list[str], bytes | None, str]] = {  # words, standard input (None for a terminal), what is said
    "no command but flags": (["--region", "x"], b"", "no command among --region x"),
    "unknown flag and no command": (["--json-x"], b"", "unrecognized arguments: --json-x"),
    "unknown command": (["runn", "x"], b"", "no such command: 'runn'"),
    "unknown flag": (["run", "--jsn", "x"], b"", "unrecognized arguments: --jsn"),
    "abbreviated flag": (["run", "--interp", "local", "x"], b"", "unrecognized arguments"),
    "flag without value": (["run", "--lang"], b"", "expected one argument"),
    "unknown language": (["run", "--lang", "ruby", "x"], b"", "invalid choice: 'ruby'"),
    "language and command": (["run", "--lang", "js", "--cmd", "x"], b"", "not allowed with"),
    "unknown runtime": (["run", "--runtime", "bun", "x"], b"", "invalid choice: 'bun'"),
    "two codes after --": (["run", "--", "a", "b"], b"", "unrecognized arguments: b"),
    "a flag without value before --": (["run", "--lang", "--", "python", "1"], b"", "--lang: expected one argument"),
    "a flag with -- for a value": (["run", "--env=--", "1"], b"", "not a variable name: '--'"),
    "a choice with -- for a value": (["run", "--lang=--", "1"], b"", "invalid choice: '--'"),
    "a switch with a value": (["run", "--json=x", "1"], b"", "--json: expected no value"),
    "two codes": (["run", "x", "y"], b"", "unrecognized arguments: y"),
    "code and file": (["run", "x", "--file", "y.py"], b"", "given twice"),
    "no such file": (["run", "--file", "missing.py"], b"", "cannot read missing.py: No such file"),
    "a folder": (["run", "--file", "."], b"", "cannot read .: Is a directory"),
    "unknown suffix": (["run", "--file", "/etc/passwd"], b"", "is not that of a known language"),
    "empty code": (["run", ""], b"", "the code is empty"),
    "blank code": (["run", " \n"], b"", "the code is empty"),
    "empty pipe": (["run"], b"", "the code is empty"),
    "undecodable pipe": (["run", "-"], b"print('\xff')", "standard input is not UTF-8 text: byte 7 is wrong"),
    "NUL in the pipe": (["run", "-"], b"a\0b", "NUL"),
    "lifetime 0": (["run", "--timeout", "0", "x"], b"", "'0' is not a whole number of seconds from 1 to 28800"),
    "lifetime too long": (["run", "--timeout", "28801", "x"], b"", "from 1 to 28800"),
    "an archive from standard input": (["run", "--from", "-", "x"], b"", "an archive is a file, not a standard stream"),
    "an archive on standard output": (["save", "work", "-"], b"", "an archive is a file, not a standard stream"),
    "an archive that is a folder": (["run", "--from", ".", "x"], b"", ". is no file"),
    "an interpreter of no account": (["interpreter", "show", "local"], b"", "local is no interpreter of an account"),
    "a time without unit": (["history", "--since", "5"], b"", "'5' is no time such as 45m"),
    "lifetime a word": (["start", "--timeout", "5m"], b"", "'5m' is not a whole number"),
    "lifetime infinite": (["start", "--timeout", "inf"], b"", "'inf' is not a whole number"),
    "lifetime negative": (["run", "--timeout", "-1", "x"], b"", "'-1' is not a whole number of seconds from 1"),
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
    "bad interpreter": (["run", "--interpreter-id", "../x", "x"], b"", "not an interpreter id, ARN or name: '../x'"),
    "bad region": (["run", "--region", "evil.example/", "x"], b"", "not a region name"),
    "bad endpoint": (["run", "--endpoint-url", "127.0.0.1:80", "x"], b"", "not an endpoint URL"),
    "endpoint with half an address": (["run", "--endpoint-url", "http://[::1", "x"], b"", "not an endpoint URL"),
    "endpoint with a bad port": (["run", "--endpoint-url", "http://127.0.0.1:99999", "x"], b"", "not an endpoint URL"),
    "endpoint with a space": (["run", "--endpoint-url", "http://a b/", "x"], b"", "not an endpoint URL"),
    "endpoint with a query": (["run", "--endpoint-url", "http://127.0.0.1/?a", "x"], b"", "not an endpoint URL"),
    "endpoint with a password": (["run", "--endpoint-url", "http://a:b@c", "x"], b"", "has a name or a password in it"),
    "long command": (["run", "--cmd", "-"], b"x" * (128 << 10), "at most 131071 bytes"),
    "help for nothing": (["help", "nothing"], b"", "no such command: 'nothing'"),
    "both here": (["cp", "a", "b"], b"", "one side must be a session"),
    "both there": (["cp", "work:a", "work:b"], b"", "one side must be a session"),
    "two sessions": (["cp", "work:a", "other:b", "."], b"", "one side must be a session"),
    "one path": (["cp", "a"], b"", "at least one source"),
    "bad name": (["cp", "a", "9:b"], b"", "not a session's id or name"),
    "rm here": (["rm", "a"], b"", "SESSION:PATH"),
    "rm a session": (["rm", "work:"], b"", "SESSION:PATH"),
    "upload nothing": (["run", "--upload", ":x", "1"], b"", "--upload needs a path"),
    "upload missing": (["run", "--upload", "nothing", "1"], b"", "no such file: nothing"),
    "job: no subcommand": (["job"], b"", "job needs the name of a command"),
    "job: unknown": (["job", "begin"], b"", "no such command: job begin"),
    "job: bad id": (["job", "status", "../x"], b"", "not a job's id"),
    "job: no code": (["job", "start"], None, "no code"),
    "job: context": (["run", "--follow", "--clear-context", "1"], b"", "do not go together"),
    "runtime of another language": (["run", "--runtime", "NODEJS", "1"], b"", "nodejs does not execute python"),
    "runtime for TypeScript": (
        ["exec", "a", "--lang", "TS", "--runtime", "python", "1"],
        b"",
        "not execute typescript",
    ),
    "runtime of a job": (["job", "start", "--runtime", "deno", "1"], b"", "deno does not execute python"),
    "job: artifacts": (["run", "--follow", "--artifacts", "x", "1"], b"", "do not go together"),
}


@pytest.mark.parametrize(("words", "stdin", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage(
    aws: CommandLine, faults: FaultServer, words: list[str], stdin: bytes | None, message: str
) -> None:
    check(aws.run(*words, stdin=stdin), message)
    assert faults.requests == []


def test_too_much_code(aws: CommandLine, faults: FaultServer) -> None:
    check(aws.run("run", "-", stdin=b"x" * 100_000_001), "at most 100000000 bytes, and this has more")
    assert faults.requests == []


def check(done: CompletedProcess[bytes], message: str) -> None:
    """Refused with one line that says so, and hints."""
    assert (done.returncode, done.stdout) == (2, b"")
    first, *rest = done.stderr.decode().splitlines()
    assert first.startswith("error[")
    assert message in first
    assert all(line.startswith("hint: ") for line in rest)


MISTYPED = {  # words -> what the hint begins with
    "rum x": "did you mean run?",
    "session": "did you mean sessions?",
    "RUN x": "did you mean run?",
    "help rum": "did you mean run?",
    "--verison": "did you mean --version?",
    "--profil x run 1": "did you mean --profile?",
    "--timeout 5 run 1": "the options of a command follow its name;",
    "run --jsn 1": "did you mean --json?",
    "run -json 1": "did you mean --json?",
    "run --timout 5 1": "did you mean --timeout?",
    "run --exec-timout=5 1": "did you mean --exec-timeout?",
    "run --interp local 1": "did you mean --interpreter-id?",
    "run -xy 1": "code that looks like a flag goes after --;",
    "run --lang pyton 1": "did you mean python?",
    "run 1 + 1": "the code is one argument: quote it;",
    "job lst": "did you mean list?",
    "job --region x lst": "did you mean list?",
    "job --jsn": "did you mean --json?",
    "help job lst": "did you mean list?",
    "map staus 0123": "did you mean maps status?",
    "map print(1) 2": "the code is one argument: quote it;",
    "completion bsh": "did you mean bash?",
    "interpreter create x --network sandbx": "did you mean sandbox?",
    "zzz": "the commands are run, start,",
}


def refused(aws: CommandLine, faults: FaultServer, *words: str) -> str:
    """The hint about wrong usage, for which nobody is asked and nothing is printed."""
    done = aws.run(*words)
    assert (done.returncode, done.stdout, faults.requests) == (2, b"", [])
    return done.stderr.decode().splitlines()[1]


@pytest.mark.parametrize("words", MISTYPED)
def test_the_near_name_is_named(aws: CommandLine, faults: FaultServer, words: str) -> None:
    hint = refused(aws, faults, *words.split())
    assert hint.startswith(f"hint: {MISTYPED[words]}")
    assert "see: agentcore-sandbox" in hint


INTERPRETERS = {  # what is no interpreter -> what the hint begins with
    "local-publc": "did you mean local-public?",
    "LOCAL-p": "did you mean local-public?",
    "aws.codeintepreter.v1": "did you mean aws.codeinterpreter.v1?",
    "../x": "an id looks like",
}


@pytest.mark.parametrize("word", INTERPRETERS)
def test_the_near_interpreter_is_named(aws: CommandLine, faults: FaultServer, word: str) -> None:
    hint = refused(aws, faults, "run", "--interpreter-id", word, "1")
    assert hint.startswith(f"hint: {INTERPRETERS[word]}")


def test_a_map_without_items_asks_what_was_meant(aws: CommandLine, tmp_path: Path) -> None:
    script = tmp_path / "hello.py"
    script.write_text("print(1)")
    for word, said in (
        (str(script), f"did you mean --file {script}?"),
        (f"-f{script}", f"--file {script}?"),
        ("lst", "did you mean maps list?"),
    ):
        for words in (["map", word], ["map", "--dry-run", word]):
            done = aws.run(*words)
            assert (done.returncode, done.stdout) == (2, b"")
            assert said in done.stderr.decode()


@pytest.mark.parametrize("name", ["", "9a", "a b", "a/b", "../a", "x" * 65, "-a", "ü", SESSION])
def test_bad_names(aws: CommandLine, faults: FaultServer, name: str) -> None:
    assert aws.run("start", f"--name={name}").returncode == 2
    assert faults.requests == []


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
def test_code_arrives_unchanged(aws: CommandLine, faults: FaultServer, tmp_path: Path, code: str) -> None:
    path = tmp_path / "code.py"
    path.write_bytes(code.encode())
    ways: list[tuple[list[str], bytes]] = [
        (["--", code], b""),
        (["-"], code.encode()),
        ([], code.encode()),
        (["--file", str(path)], b""),
    ]
    for words, stdin in ways:
        assert aws.run("run", *words, stdin=stdin).returncode == 0
    assert faults.programs() == [code] * len(ways)
