"""`map` over a simulated service with limits: its quota, its pace, credentials that expire, an item that is slow."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from bench.peers import Peer, paced

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from support.processes import CommandLine

QUICK = {"start": 0.05, "invoke": 0.01, "stop": 0.01}


@pytest.fixture
def aws(quick: CommandLine) -> CommandLine:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "dummy", "AWS_REGION": "us-east-1"}
    return quick.using(**keys, CUSTOM_AGENTCORE_INTERPRETER_ID="aws.codeinterpreter.v1")


def run(aws: CommandLine, peer: Peer, seconds: Sequence[float], *words: str) -> subprocess.CompletedProcess[bytes]:
    items = "".join(f"{number}\n" for number in seconds)
    done = aws.using(**peer.environment).run("map", "--items", "-", *words, "x", stdin=items.encode())
    assert peer.counts()["sessions"] == 0
    return done


def records(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def statuses(done: subprocess.CompletedProcess[bytes]) -> Counter[str]:
    return Counter(record["status"] for record in records(done))


def test_a_quota_means_fewer_sessions_and_is_told_once(aws: CommandLine) -> None:
    with paced(**QUICK, rate=30, sessions=3) as peer:
        done = run(aws, peer, [0.2] * 60, "--sessions", "12")
        assert statuses(done) == {"done": 60}
        assert done.stderr.count(b"going on with") == 1
        assert peer.counts()["most"] == 3


def test_a_service_that_takes_less_than_it_is_asked(aws: CommandLine) -> None:
    with paced(**QUICK, rate=6, sessions=1000) as peer:
        done = run(aws, peer, [0.1] * 100, "--sessions", "12")
        assert statuses(done) == {"done": 100}
        assert peer.counts()["throttled"] > 0


def test_a_slow_item_holds_nobody_up(aws: CommandLine) -> None:
    with paced(**QUICK, rate=30, sessions=1000) as peer:
        done = run(aws, peer, [6, *[0.05] * 200], "--sessions", "3", "--as-completed")
        assert [record["index"] for record in records(done)][-1] == 0
        assert statuses(done) == {"done": 201}


def test_items_that_wait_behind_slow_ones_go_to_another_session(aws: CommandLine) -> None:
    with paced(**QUICK, rate=30, sessions=1000) as peer:
        done = run(aws, peer, [*[3] * 8, *[0.02] * 20], "--sessions", "2")
        assert len({record["sessionId"] for record in records(done)[:8]}) == 2
        assert {(record["status"], record["attempts"]) for record in records(done)} == {("done", 1)}


def test_credentials_that_expire_are_a_pause(aws: CommandLine) -> None:
    with paced(**QUICK, rate=30, sessions=1000, expired=(14, 30)) as peer:
        line = aws.using(**peer.environment)
        items = b"0.3\n" * 40
        done = line.run("map", "--items", "-", "--sessions", "4", "--journal", "journal", "x", stdin=items)
        assert (done.returncode, b"error[ExpiredCredentials]" in done.stderr) == (125, True), done.stderr
        assert set(statuses(done)) <= {"done", "skipped"}
        while done.returncode == 125:
            done = line.run("map", "--resume", "journal", "--sessions", "4")
        assert statuses(done) == {"done": 40}, done.stderr
        assert {record["attempts"] for record in records(done)} == {1}
        assert peer.counts()["sessions"] == 0
