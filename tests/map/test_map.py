"""`map` over the emulator: how items run, what comes back, what is done when something goes wrong."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from support.local import local_line, logging_service
from support.processes import eventually
from support.schema import check, validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.processes import CommandLine

SHOWS = "import os; print(os.environ['ITEM'], os.environ['ITEM_INDEX'])"


@pytest.fixture
def local(local: CommandLine) -> Iterator[CommandLine]:
    """The emulator of this module; a map leaves no session."""
    yield local
    assert sessions(local) == []


def sessions(local: CommandLine) -> list[Any]:
    found: list[Any] = json.loads(local.run("sessions", "--json").stdout)["sessions"]
    return found


def run(local: CommandLine, *words: str, items: str = "a\nb\nc\nd\n", status: int = 0) -> list[dict[str, Any]]:
    done = local.run("map", "--items", "-", "--sessions", "2", *words, stdin=items.encode())
    assert done.returncode == status, done.stderr.decode()
    return records(done.stdout)


def records(data: bytes) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in data.splitlines()]
    for record in found:
        validate(record, "map record")
    return found


def statuses(found: list[dict[str, Any]]) -> list[str]:
    return [record["status"] for record in found]


def test_items_run_apart_and_come_back_in_order(local: CommandLine) -> None:
    found = run(local, SHOWS, items="".join(f"item {n}\n" for n in range(12)))
    assert [record["stdout"] for record in found] == [f"item {n} {n}\n" for n in range(12)]
    assert statuses(found) == ["done"] * 12
    assert {record["attempts"] for record in found} == {1}
    assert len({record["sessionId"] for record in found}) == 2


def test_status_streams_and_output_are_the_programs_own(local: CommandLine) -> None:
    program = "printf 'a\\r\\n'; echo err >&2; test -e left && echo LEFT; touch left; exit $ITEM"
    found = run(local, "--cmd", program, items="0\n3\n7\n", status=1)
    assert [(r["status"], r["exitCode"], r["stdout"], r["stderr"]) for r in found] == [
        ("done", 0, "a\r\n", "err\n"),
        ("failed", 3, "a\r\n", "err\n"),
        ("failed", 7, "a\r\n", "err\n"),
    ]
    (cut,) = run(local, "--max-output", "10", "print('0123456789' * 1000)", items="x\n")
    assert (cut["stdout"][:5], cut["stdout"][-5:]) == ("01234", "6789\n")
    assert "bytes left out" in cut["stdout"]
    (large,) = run(local, "print('x' * 900_000)", items="x\n")
    assert len(large["stdout"]) == 900_001


def test_records_files_and_downloads(local: CommandLine) -> None:
    (local.home / "in").mkdir()
    for name in ("b", "a"):
        (local.home / "in" / f"{name} x.txt").write_text(f"{name}\n")
    (local.home / "more.txt").write_text("more\n")
    program = 'cat "$ITEM" more.txt > out.txt; test $ITEM_INDEX = 1 && rm out.txt; true'
    words = ("--items", "in", "--upload", "more.txt", "--download", "out.txt:got", "--cmd", program)
    done = local.run("map", *words, "--out", "all.jsonl")
    assert (done.returncode, done.stdout) == (1, b"")
    first, second = records((local.home / "all.jsonl").read_bytes())
    assert (first["status"], first["downloaded"]) == ("done", [str(local.home / "got/0/out.txt")])
    assert (local.home / "got/0/out.txt").read_text() == "a\nmore\n"
    assert (second["status"], second["exitCode"], second["error"]["code"]) == ("failed", 0, "SessionFile")
    assert b"all.jsonl exists" in local.run("map", *words, "--out", "all.jsonl").stderr


def test_text_and_as_completed(local: CommandLine) -> None:
    done = local.run("map", "--items", "-", "--format", "text", SHOWS, stdin=b"x\ny\n")
    assert done.stdout == b"==> 0: x (done)\nx 0\n==> 1: y (done)\ny 1\n"
    found = run(local, "--as-completed", "--cmd", "sleep $ITEM", items="3\n0\n")
    assert [record["index"] for record in found] == [1, 0]


def test_limits_of_an_item(local: CommandLine) -> None:
    found = run(local, "--exec-timeout", "1", "--cmd", "sleep 9$ITEM", items="0\n", status=1)
    assert (found[0]["exitCode"], found[0]["error"]["code"]) == (124, "TimeLimit")
    large = run(local, "--cmd", "echo ${#ITEM}", items=f"{'x' * 131_072}\n{'y' * 100_000}\n", status=1)
    assert (large[0]["status"], large[0]["error"]["code"]) == ("failed", "PayloadTooLarge")
    assert large[1]["stdout"] == "100000\n"


def test_each_item_in_a_session_of_its_own(local: CommandLine) -> None:
    found = run(local, "--fresh", SHOWS, items="a\nb\nc\n")
    assert len({record["sessionId"] for record in found}) == 3


def test_retries_and_halt(local: CommandLine) -> None:
    (record,) = run(local, "--retries", "2", "--cmd", "exit 4", items="x\n", status=1)
    assert (record["attempts"], record["retried"]) == (3, ["it failed with exit status 4"] * 2)
    found = run(local, "--halt", "soon,fail=1", "--cmd", "exit 1", items="x\n" * 20, status=1)
    assert {"failed", "skipped"} == set(statuses(found))


def test_json_adds_the_summary(local: CommandLine) -> None:
    done = local.run("map", "--items", "-", "--json", SHOWS, stdin=b"x\n")
    summary = json.loads(done.stdout.splitlines()[-1])
    validate(summary, "map")
    assert (summary["items"], summary["done"], summary["left"]) == (1, 1, 0)
    assert summary["sessions"] == 1


def test_a_map_is_resumed_with_what_is_not_done(local: CommandLine) -> None:
    journal = local.home / "journal"
    first = run(local, "--journal", str(journal), "--halt", "soon,fail=1", "--cmd", "exit 1", items="x\n" * 8, status=1)
    assert journal.stat().st_mode & 0o777 == 0o700
    second = records(local.run("map", "--resume", str(journal)).stdout)
    assert statuses(second) == ["failed"] * 8
    assert [record for record in first if record["status"] == "failed" and record not in second] == []
    again = records(local.run("map", "--resume", str(journal), "--retry-failed", "--cmd", "exit 1").stdout)
    assert {record["sessionId"] for record in again}.isdisjoint(record["sessionId"] for record in second)
    for words in (["--cmd", "exit 2"], ["--items", "-"], ["--env", "A=1"], ["--download", "x"]):
        refused = local.run("map", "--resume", str(journal), *words, stdin=b"y\n")
        assert b"error[OtherMap]" in refused.stderr


def test_dry_run_starts_nothing(quick: CommandLine) -> None:
    aws = quick.using(CUSTOM_AGENTCORE_INTERPRETER_ID="aws.codeinterpreter.v1")  # without credentials
    words = ("map", "--items", "-", "--sessions", "2", "--exec-timeout", "60", "--dry-run")
    done = aws.run(*words, "--json", stdin=b"x\n" * 100)
    found = json.loads(done.stdout)
    validate(found, "map dry run")
    assert (found["items"], found["sessions"]) == (100, 2)
    # 100 minutes over four slots, a last minute, and some seconds around that; both sessions at full load
    assert found["costAtMost"] == pytest.approx(2 * 26.1 / 60 * (2 * 0.0895 + 8 * 0.00945), rel=0.01)
    assert b"at most $0.22" in aws.run(*words, stdin=b"x\n" * 100).stdout


def test_a_pipe_that_a_map_does_not_read_is_mentioned(local: CommandLine) -> None:
    (local.home / "items").write_text("a\n")
    done = local.run_process("map", "--items", "items", "1", stdin=b"a\nb\n")
    assert b"has data that is not read: --items - reads it" in done.stderr
    assert b"1 item: 1 done; " in done.stderr


def test_a_map_in_the_background(local: CommandLine) -> None:
    (local.home / "items").write_text("0\n0\n60\n0\n")
    words = ("map", "--items", "items", "--detach", "--env", "NAME=v4lue", "--cmd", "echo $NAME; sleep $ITEM")
    map_id = check("map detached", local, *words)["mapId"]
    journal = local.home / ".local/state/agentcore-sandbox/maps" / map_id
    assert not any("v4lue" in path.read_text() for path in journal.iterdir() if path.name != "results.jsonl")
    assert eventually(lambda: check("maps status", local, "maps", "status", map_id).get("done") == 3)
    assert check("maps list", local, "maps", "list")["maps"][0]["state"] == "running"
    assert f"did you mean {map_id}?".encode() in local.run("maps", "status", map_id[:5]).stderr
    part = check("maps results", local, "maps", "results", map_id, "--limit", "2")
    assert ([record["stdout"] for record in part["records"]], part["next"]) == (["v4lue\n"] * 2, 2)
    assert b"error[MapBusy]" in local.run("map", "--resume", str(journal), "--env", "NAME=v4lue").stderr
    check("maps stop", local, "maps", "stop", "--now", map_id)
    ended = check("maps wait", local, "maps", "wait", map_id, status=1)
    assert (ended["state"], ended["done"], ended["unknown"]) == ("ended", 3, 1)
    assert len(check("maps results", local, "maps", "results", map_id)["records"]) == 4
    assert check("maps rm", local, "maps", "rm", map_id) == {"removed": [map_id], "sessions": []}
    assert not journal.exists()


def test_one_signal_lets_what_runs_end_and_another_one_does_not(local: CommandLine) -> None:
    (local.home / "items").write_text("0\n" + "2\n" * 20)
    words = ("map", "--items", "items", "--sessions", "2", "--cmd", "sleep $ITEM")
    for signum, wanted in ((signal.SIGINT, {"done", "skipped"}), (signal.SIGTERM, {"done", "skipped", "unknown"})):
        process = local.start(*words)
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signum)
        rest, told = process.communicate()
        assert (process.returncode, set(statuses(records(first + rest)))) == (128 + signum, wanted), told
        assert b"map --resume" in told


FAULTS = {  # the night has each by itself
    "gone before": ("lose=invoke:2", {"done"}),
    "many": (
        "lose=invoke:1@6 break=invoke:1@9 fail=invoke:1@11 throttle=invoke:3@2 throttle=start:1 error=stop:1",
        {"done", "unknown"},
    ),
}


@pytest.mark.parametrize(("faults", "wanted"), FAULTS.values(), ids=FAULTS)
def test_faults(quick: CommandLine, tmp_path: Path, faults: str, wanted: set[str]) -> None:
    local = local_line(quick, tmp_path)
    with logging_service(local, *faults.split()):
        words = ("map", "--items", "-", "--sessions", "3", "--cmd", "sleep 0.1; echo $ITEM")
        done = local.run(*words, stdin="".join(f"{n}\n" for n in range(24)).encode())
        found = records(done.stdout)
        assert [record["index"] for record in found] == list(range(24)), done.stderr
        assert set(statuses(found)) <= wanted
        assert all(record["stdout"] == f"{record['index']}\n" for record in found if record["status"] == "done")
        assert sessions(local) == []


@pytest.mark.nightly
def test_an_interpreter_that_refuses_the_first_start_ends_it_at_once(quick: CommandLine, tmp_path: Path) -> None:
    local = local_line(quick, tmp_path)
    with logging_service(local, "error=start:99") as log:
        done = local.run("map", "--items", "-", "--sessions", "1", "--cmd", "true", stdin=b"x\n" * 1000)
        assert (done.returncode, done.stdout.count(b'"skipped"')) == (125, 1000)
        assert b"error[ServiceFailed]" in done.stderr
        assert log.read_text().count('"answer"') < 20
