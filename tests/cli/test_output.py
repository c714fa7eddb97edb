"""How results, tables and messages look: on a terminal, in a pipe, as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from support import fault_server
from support.event_stream import exception, result
from support.fault_server import SESSION
from support.processes import DEADLINE
from support.terminal import on_terminal

if TYPE_CHECKING:
    from support.fault_server import FaultServer, Handler
    from support.processes import CommandLine

HOSTILE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 over\rwritten \u202etxt"


def test_terminal_shows_control_sequences_and_passes_colours(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(result(HOSTILE))
    shown = "\x1b[31mred\x1b[0m ^[]0;title^G over^Mwritten \\u202etxt\x1b[0m\n"
    assert on_terminal(aws, "exec", SESSION, "x").decode() == shown
    assert on_terminal(aws, "exec", "--raw", SESSION, "x").decode() == HOSTILE + "\n"


def test_pipe_gets_the_bytes_unchanged(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(result(HOSTILE, HOSTILE))
    done = aws.run("exec", SESSION, "x")
    assert (done.stdout.decode(), done.stderr.decode()) == (HOSTILE, HOSTILE)


def test_a_result_is_printed_before_the_next_one_comes(aws: CommandLine, faults: FaultServer) -> None:
    printed = threading.Event()

    def two_results(handler: Handler) -> None:
        handler.begin_stream()
        handler.chunk(result("first\n"))
        if printed.wait(DEADLINE):
            handler.chunk(result("second\n"))
        handler.end_chunks()

    faults.answers["invoke"] = two_results
    with aws.start("exec", SESSION, "x") as process:
        assert process.stdout
        assert process.stdout.readline() == b"first\n"
        printed.set()
        assert process.stdout.read() == b"second\n"
    assert process.returncode == 0


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_output_is_utf_8_in_every_locale(aws: CommandLine, faults: FaultServer, locale: str) -> None:
    faults.answers["invoke"] = fault_server.stream(result("kůň 🐎 \ud800"))
    done = aws.run("exec", SESSION, "x", env={"LANG": locale, "LC_ALL": locale, "PYTHONUTF8": "0"})
    assert done.stdout.decode() == "kůň 🐎 \\ud800"


@pytest.mark.parametrize("text", ["a", "a\n", "", "\n"])
def test_each_stream_once_and_a_newline_more_on_a_terminal_only(
    aws: CommandLine, faults: FaultServer, text: str
) -> None:
    faults.answers["invoke"] = fault_server.stream(result(text, "e", 5))
    done = aws.run("exec", SESSION, "x")
    assert (done.returncode, done.stdout, done.stderr) == (5, text.encode(), b"e")
    assert on_terminal(aws, "exec", SESSION, "x").decode() == (text if text in ("", "\n") else "a\n")


def test_what_we_say_begins_a_line(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(result("a", "e"), exception("throttlingException", "no"))
    done = aws.run("exec", SESSION, "x")
    assert done.stdout == b"a"
    assert done.stderr.startswith(b"e\nerror[Throttled]: no\nhint: ")


def test_streams_that_are_one_file_stay_apart(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(result("a", "e"), exception("throttlingException", "no"))
    with aws.start("exec", SESSION, "x", stderr=subprocess.STDOUT) as process:
        assert process.stdout
        assert process.stdout.read().startswith(b"a\ne\nerror[Throttled]: no\n")


def test_json_result(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(result("kůň", "e", 5))
    done = aws.run("run", "--json", "x")
    assert (done.returncode, done.stderr) == (5, b"")
    assert json.loads(done.stdout) == {
        "stdout": "kůň",
        "stderr": "e",
        "exitCode": 5,
        "executionTime": 0.01,
        "isError": True,
        "sessionId": SESSION,
        "artifacts": [],
        "uploaded": [],
        "downloaded": [],
    }
    assert json.loads(aws.run("start", "--json").stdout) == {"sessionId": SESSION, "name": None}
    assert json.loads(aws.run("stop", "--json", SESSION).stdout) == {"stopped": [SESSION], "failed": []}


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "json"])
def test_max_output_keeps_head_and_tail(aws: CommandLine, faults: FaultServer, as_json: list[str]) -> None:
    faults.answers["invoke"] = fault_server.stream(result("head" + "x" * 1000 + "tail"))
    done = aws.run("exec", SESSION, "--max-output", "8", *as_json, "x")
    assert done.stderr.decode() == "agentcore-sandbox: 1000 bytes of output left out (--max-output 8)\n"
    kept = "head\n[... 1000 bytes left out ...]\ntail"
    assert (json.loads(done.stdout)["stdout"] if as_json else done.stdout.decode()) == kept


def paged_sessions(handler: Handler) -> None:
    """150 sessions in two pages."""
    request = handler.state.requests[-1]
    first = 100 if request.body.get("nextToken") == "more" else 0
    items = [
        {
            "codeInterpreterIdentifier": "x",
            "sessionId": f"01SESSION{number:03}",
            "name": "evil\x1b[2J\nname" if number == 0 else f"job-{number}",
            "status": "READY" if number % 2 == 0 else "TERMINATED",
            "createdAt": fault_server.CREATED,
        }
        for number in range(first, min(first + 100, 150))
    ]
    handler.send_json(200, {"items": items, **({} if first else {"nextToken": "more"})})


def test_sessions_are_a_table_of_all_pages(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["list"] = paged_sessions
    done = aws.run("sessions", "--all")
    header, first, second, *rest = done.stdout.decode().splitlines()
    assert header.split("  ")[0] == "SESSION"
    assert re.fullmatch(r"01SESSION000  evil\^\[\[2J\^Jname  READY +\d+h\d\dm  0s +-", first)
    assert re.fullmatch(r"01SESSION001  job-1 +TERMINATED  \d+h\d\dm  - +-", second)
    assert len(rest) == 148
    assert faults.operations().count("list") == 2
    assert faults.operations().count("get") == 75


def test_sessions_as_json_and_only_ready_ones_by_default(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["list"] = paged_sessions
    rows = json.loads(aws.run("sessions", "--json").stdout)["sessions"]
    assert rows[2]["timeLeftSeconds"] == 0
    times = {"createdAt", "ageSeconds", "timeLeftSeconds"}
    assert set(rows[0]) == {"sessionId", "name", "isNamed", "status", "startedBy"} | times
    assert {request.body["status"] for request in faults.requests if request.operation == "list"} == {"READY"}


def test_no_sessions(aws: CommandLine) -> None:
    done = aws.run("sessions")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"no sessions\n")


FIRST, SECOND = "01FIRST0000000000000000000", "01SECOND000000000000000000"


def test_stop(aws: CommandLine, faults: FaultServer) -> None:
    assert aws.run("stop", FIRST).stdout == b"session stopped\n"
    assert aws.run("stop", FIRST, SECOND).stdout == f"session stopped: {FIRST}\nsession stopped: {SECOND}\n".encode()
    faults.answers["list"] = paged_sessions
    done = aws.run("stop", "--all", "--yes")
    assert done.stdout.count(b"session stopped: ") == 150


def test_stop_all_takes_what_has_ended_meanwhile_for_stopped(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["list"] = paged_sessions
    ended = fault_server.error(409, "ConflictException", "Session already terminated")
    faults.answers["stop"] = fault_server.in_turn(ended, *[fault_server.DEFAULTS["stop"]] * 149)
    done = aws.run("stop", "--all", "--yes", "--json")
    outcome = json.loads(done.stdout)
    assert (done.returncode, len(outcome["stopped"]), outcome["failed"]) == (0, 150, [])


def test_stop_goes_on_after_a_failure(aws: CommandLine, faults: FaultServer) -> None:
    gone = fault_server.error(409, "ConflictException", f"Session already terminated: {FIRST}")
    faults.answers["stop"] = fault_server.in_turn(gone, fault_server.DEFAULTS["stop"])
    done = aws.run("stop", FIRST, SECOND)
    assert (done.returncode, done.stdout) == (125, f"session stopped: {SECOND}\n".encode())
    assert done.stderr.startswith(
        f"error[SessionGone]: session {FIRST} is gone: Session already terminated: {FIRST}\nhint: ".encode()
    )
    faults.answers["stop"] = gone
    assert json.loads(aws.run("stop", "--json", FIRST).stdout)["failed"] == [
        {"sessionId": FIRST, "code": "SessionGone"}
    ]


def test_version_and_help(cli: CommandLine) -> None:
    assert re.fullmatch(rb"agentcore-sandbox \d+\.\d+\.\d+\n", cli.run("--version").stdout)
    assert cli.run("--help").stdout == cli.run("help").stdout == cli.run("-h").stdout
    assert cli.run("run", "--help").stdout == cli.run("help", "run").stdout
    empty = cli.run()
    assert (empty.returncode, empty.stdout) == (2, cli.run("--help").stdout)
