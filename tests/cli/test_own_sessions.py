"""What this user's command line has started is known as such, also where it was killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.sessions.named import NamedSession
from support import fault_server
from support.processes import DEADLINE, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer, Handler

OTHER = "01SOMEBODYELSES00000000000"


class Sessions:
    """Sessions with ids of their own, as the service would list them, and one of somebody else's."""

    def __init__(self, faults: FaultServer) -> None:
        self.running = [OTHER]
        faults.answers.update(start=self.start, stop=self.stop, list=self.list)

    def start(self, handler: Handler) -> None:
        self.running.append(f"01SESSION{len(self.running):017}")
        answer = {"codeInterpreterIdentifier": "x", "sessionId": self.running[-1], "createdAt": fault_server.CREATED}
        handler.send_json(200, answer)

    def stop(self, handler: Handler) -> None:
        (session,) = handler.current.query["sessionId"]
        self.running.remove(session)
        answer = {"sessionId": session, "lastUpdatedAt": fault_server.CREATED, "codeInterpreterIdentifier": "x"}
        handler.send_json(200, answer)

    def list(self, handler: Handler) -> None:
        created = (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()
        items = [
            {
                "sessionId": session,
                "name": "x",
                "status": "READY",
                "createdAt": created,
                "codeInterpreterIdentifier": "x",
            }
            for session in self.running
        ]
        handler.send_json(200, {"items": items})


@pytest.fixture
def sessions(faults: FaultServer) -> Sessions:
    return Sessions(faults)


def log(cli: CommandLine) -> Path:
    return cli.home / ".local/state/agentcore-sandbox/activity/sessions.jsonl"


def entries(cli: CommandLine) -> list[dict[str, object]]:
    return [json.loads(line) for line in log(cli).read_text().splitlines()]


def age(cli: CommandLine, seconds: float) -> None:
    """Let all sessions have been started earlier."""
    older = [entry | {"at": float(str(entry["at"])) - seconds} for entry in entries(cli)]
    log(cli).write_text("".join(json.dumps(entry) + "\n" for entry in older))


def test_each_start_and_stop_is_written_down(aws: CommandLine, sessions: Sessions, faults: FaultServer) -> None:
    aws.run("run", "--timeout", "60", "print(1)")
    aws.run("start", "--name", "work")
    assert sessions.running == [OTHER, "01SESSION00000000000000001"]
    start, stop, kept = entries(aws)
    assert (start["event"], start["command"], start["lifetime"], start["folder"]) == ("start", "run", 60, str(aws.home))
    place = (start["interpreter"], start["region"], start["endpoint"])
    assert place == ("aws.codeinterpreter.v1", "us-west-2", faults.url)
    assert (stop["event"], stop["session"]) == ("stop", start["session"])
    assert (kept["command"], kept["owner"], bool(start["owner"])) == ("start", "", True)
    assert not list(log(aws).parent.glob("*.owner"))
    assert "AKIDEXAMPLE" not in log(aws).read_text()


def test_mine_are_those_that_were_started_here(aws: CommandLine, sessions: Sessions) -> None:
    mine = aws.run("start").stdout.decode().strip()
    rows = json.loads(aws.run("sessions", "--json").stdout)["sessions"]
    assert {row["sessionId"]: row["startedBy"] for row in rows} == {OTHER: None, mine: "start"}
    assert [row["sessionId"] for row in json.loads(aws.run("sessions", "--mine", "--json").stdout)["sessions"]] == [
        mine
    ]
    assert aws.run("stop", "--mine", "--older-than", "2h").stderr == b"no session to stop\n"
    age(aws, 600)
    assert aws.run("stop", "--mine", "--older-than", "5m", "--region", "eu-west-1").stdout == b""
    assert aws.run("stop", "--mine", "--older-than", "5m").stdout == b"session stopped\n"
    assert sessions.running == [OTHER]
    assert aws.run("stop", "--mine").stderr == b"no session to stop\n"


def test_stop_all_without_anybody_to_ask_leaves_the_others_alone(aws: CommandLine, sessions: Sessions) -> None:
    aws.run("start")
    done = aws.run("stop", "--all")
    assert (done.stdout, sessions.running) == (b"session stopped\n", [OTHER])
    assert b"not started here, and so left alone: 1 of 2 sessions; --yes stops them too" in done.stderr
    assert aws.run("stop", "--all", "--yes", "--older-than", "2h").stdout == b""
    aws.run("stop", "--all", "--yes")
    assert sessions.running == []


@pytest.mark.parametrize(("answer", "left"), [("yes", 0), ("no", 2)])
def test_on_a_terminal_stop_all_lists_and_asks(aws: CommandLine, sessions: Sessions, answer: str, left: int) -> None:
    mine = aws.run("start").stdout.decode().strip()
    ours, theirs = os.openpty()
    child = aws.start("stop", "--all", stdin=theirs)
    os.write(ours, f"{answer}\n".encode())
    _, said = child.communicate(timeout=DEADLINE)
    os.close(ours)
    os.close(theirs)
    assert len(sessions.running) == left
    assert re.search(rf"{OTHER}  x  1h00m  not started here\n", said.decode())
    assert f"{mine}  x  1h00m  yours, by start in {aws.home}\n" in said.decode()
    assert "stop what is listed? Type yes to continue" in said.decode()


def kill_owners(aws: CommandLine) -> None:
    """Let sessions that stay look like those of a process that was killed."""
    log(aws).write_text(log(aws).read_text().replace('"owner":""', '"owner":"dead"'))
    log(aws).with_name("dead.owner").write_text("locked\n")


@pytest.mark.parametrize(
    "words",
    [["--mine", "--all"], ["--mine", "work"], ["work", "--older-than", "1h"], ["--mine", "--older-than", "2"]],
)
def test_what_to_stop_is_said_once(aws: CommandLine, words: list[str]) -> None:
    assert aws.run("stop", *words).returncode == 2


def test_a_session_that_a_killed_run_has_left_is_mentioned_once(
    aws: CommandLine, sessions: Sessions, faults: FaultServer
) -> None:
    faults.answers["invoke"] = fault_server.in_turn(fault_server.silence, *[fault_server.ok] * 4)
    child = aws.start("run", "print(1)")
    assert faults.invoked.wait(DEADLINE)
    assert aws.run("run", "x").stderr == b""  # its owner lives
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=DEADLINE)
    assert b"was left" not in aws.run("run", "--region", "eu-west-1", "x").stderr
    said = aws.run("run", "x").stderr.decode()
    (orphan,) = set(sessions.running) - {OTHER}
    assert f"session {orphan} was left by a `run` in {aws.home} that was killed" in said
    assert f"agentcore-sandbox stop {orphan} ends it" in said
    assert aws.run("run", "x").stderr == b""
    assert not list(log(aws).parent.glob("*.owner"))
    assert aws.run("stop", "--mine").stdout == b"session stopped\n"


def test_many_are_mentioned_together_and_where_nobody_hears_it_not_yet(
    aws: CommandLine, sessions: Sessions, faults: FaultServer
) -> None:
    while len(sessions.running) <= 20:
        aws.run("start")
    kill_owners(aws)
    child = aws.start("run", "x", stderr=subprocess.DEVNULL)
    child.communicate(timeout=DEADLINE)
    faults.requests.clear()
    said = aws.run("run", "x").stderr.decode()
    assert f"20 sessions were left by a `start` in {aws.home} that was killed, for up to 1" in said
    assert "agentcore-sandbox stop --mine, with all yours, ends them" in said
    assert said.count("\n") == 1
    assert faults.operations().count("get") == 16


def test_an_orphan_that_has_ended_is_not_mentioned(aws: CommandLine, faults: FaultServer, sessions: Sessions) -> None:
    aws.run("start")
    kill_owners(aws)
    faults.answers["get"] = fault_server.error(404, "ResourceNotFoundException", "no such session")
    assert aws.run("run", "x").stderr == b""
    assert [entry["event"] for entry in entries(aws)][-2:] == ["stop", "told"]
    assert len(sessions.running) == 2


@pytest.mark.usefixtures("sessions")
def test_an_owner_that_has_not_locked_its_file_yet_lives(aws: CommandLine) -> None:
    aws.run("start")
    kill_owners(aws)
    file = log(aws).with_name("dead.owner")
    file.write_bytes(b"")
    assert aws.run("run", "x").stderr == b""
    file.write_text("locked\n")
    assert b"was left" in aws.run("run", "x").stderr


@pytest.mark.parametrize("left", [800, 80])
def test_a_named_session_says_when_its_end_is_near(aws: CommandLine, left: int, patching: pytest.MonkeyPatch) -> None:
    patching.setattr(NamedSession, "seconds_left", property(lambda _: left))
    assert aws.run("start", "--name", "work").returncode == 0
    said = aws.run("exec", "work", "x").stderr.decode()
    assert ("session 'work' ends in 1m20s, with its variables and files" in said) == (left == 80)


def test_a_read_only_folder_stops_nothing_and_is_told_once(aws: CommandLine, sessions: Sessions) -> None:
    log(aws).parent.mkdir(parents=True, mode=0o700)
    log(aws).parent.rmdir()
    log(aws).parent.touch()  # for root, too, nothing can be written in it
    done = aws.run_process("run", "x")
    assert (done.returncode, done.stdout) == (0, b"hello")
    assert done.stderr.decode().count("are not written down") == 1
    assert (aws.run_process("sessions").returncode, sessions.running) == (0, [OTHER])
