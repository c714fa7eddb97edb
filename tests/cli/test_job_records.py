"""What is kept of jobs on this machine: other versions, damage, and ways out of every state."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from support import event_stream, fault_server
from support.fault_server import SESSION

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.processes import CommandLine

GOOD, BAD = "0123456789ab", "ba9876543210"
ENDED = {"exit": 5, "alive": True, "sizes": [0, 0], "lengths": [0, 0]}
DAY = 86_400


def folder(line: CommandLine) -> Path:
    path = line.home / ".local/state/agentcore-sandbox/jobs"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def record(line: CommandLine, job_id: str = GOOD, **changes: Any) -> Path:
    """Write a record as version 0.1 did."""
    known = {
        "job_id": job_id,
        "session_id": SESSION,
        "own_session": False,
        "interpreter_id": "aws.codeinterpreter.v1",
        "region": "us-west-2",
        "profile": None,
        "endpoint_url": None,
        "title": "print(1)",
        "task_id": "t",
        "started": time.time(),
        "state": "running",
        "exit_code": None,
        "saved": False,
    }
    path = folder(line) / f"{job_id}.json"
    path.write_text(json.dumps({**known, **changes}))
    return path


@pytest.fixture
def ended(faults: FaultServer) -> FaultServer:
    """A session in which every job has ended with status 5."""
    faults.answers["invoke"] = fault_server.stream(event_stream.result(json.dumps({"answer": ENDED})))
    return faults


def test_records_of_the_first_version_and_with_fields_of_later_ones_are_read(
    aws: CommandLine, ended: FaultServer
) -> None:
    record(aws)
    record(aws, BAD, colour="red")
    assert aws.run("job", "status", GOOD).returncode == 0
    listed = json.loads(aws.run("job", "list", "--json").stdout)["jobs"]
    assert {job["jobId"]: (job["state"], job["exitCode"]) for job in listed} == {
        GOOD: ("exited", 5),
        BAD: ("exited", 5),
    }
    assert ended.operations() == ["invoke"] * 2


FOUND = {  # what the user writes -> the job, or what is said
    GOOD: GOOD,
    "01": GOOD,
    "b": BAD,
    "training": BAD,  # the newest of that name
    "trainign": "did you mean training?",
    "013": "there is no job 013",
    "012345678": "several jobs begin with '012345678'",
    "../x": "not a job's id or name: '../x'",
}


@pytest.mark.parametrize("word", FOUND)
def test_a_job_is_found_by_the_beginning_of_its_id_and_by_its_name(
    aws: CommandLine, ended: FaultServer, word: str
) -> None:
    record(aws, name="training", started=time.time() - 60)
    record(aws, BAD, name="training", state="exited", exit_code=5, saved=True)
    if "several" in FOUND[word]:
        record(aws, "0123456789cd")
    done = aws.run("job", "status", "--json", word)
    if FOUND[word] in (GOOD, BAD):
        assert json.loads(done.stdout)["jobId"] == FOUND[word]
    else:
        assert FOUND[word] in done.stdout.decode()
    assert len(ended.operations()) == (FOUND[word] == GOOD)


@pytest.mark.parametrize(("name", "message"), {"abc": "not a job's name", "-": "not a", "work": "is running"}.items())
def test_names_that_a_job_cannot_have(aws: CommandLine, faults: FaultServer, name: str, message: str) -> None:
    record(aws, name="work")
    done = aws.run("job", "start", f"--name={name}", "1")
    assert message in done.stderr.decode()
    assert faults.requests == []


def test_a_name_from_a_record_goes_into_no_shell(aws: CommandLine) -> None:
    record(aws, name="$(id)")
    assert aws.run("completion", "jobs").stdout == b""


UNREADABLE = {
    "damaged": b"{",
    "of a newer version": b'{"version": 2}',
    "another job's": b'{"job_id": "0123456789ab"}',
    "no session": json.dumps({"job_id": BAD, "session_id": "../x"}).encode(),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_record_that_cannot_be_read_is_named_and_in_nobodys_way(
    aws: CommandLine, ended: FaultServer, data: bytes
) -> None:
    record(aws)
    bad = folder(aws) / f"{BAD}.json"
    bad.write_bytes(data)
    (folder(aws) / "no key.json").write_bytes(data)
    listed = aws.run("job", "list", "--json")
    assert [job["jobId"] for job in json.loads(listed.stdout)["jobs"]] == [GOOD]
    assert listed.stderr.startswith(f"agentcore-sandbox: left out: {bad} cannot be read: ".encode())
    for command in ("status", "logs", "wait", "stop"):
        done = aws.run("job", command, BAD)
        assert (done.returncode, bad.read_bytes()) == (125, data)
        assert done.stderr.startswith(f"error[UnreadableRecord]: {bad} cannot be read: ".encode())
        assert f"job rm {BAD} removes it".encode() in done.stderr
    removed = aws.run("job", "rm", BAD)
    assert (removed.returncode, b"may still be running" in removed.stderr, bad.exists()) == (0, True, False)
    assert aws.run("job", "list").stderr == b""
    assert len(ended.requests) == 1


def test_a_folder_in_place_of_a_record_can_be_removed(aws: CommandLine) -> None:
    bad = folder(aws) / f"{BAD}.json"
    bad.mkdir()
    (bad / "file").touch()
    assert b"removes it" in aws.run("job", "list").stderr
    assert aws.run("job", "rm", BAD).returncode == 0
    assert aws.run("job", "list").stderr == b"no jobs\n"


def test_a_folder_that_others_could_write_to_is_not_read(aws: CommandLine, ended: FaultServer) -> None:
    """Nothing is sent to where a planted record leads."""
    record(aws, endpoint_url=ended.url)
    folder(aws).chmod(0o770)
    for words in (["list"], ["status", GOOD], ["logs", GOOD], ["rm", GOOD]):
        done = aws.run("job", *words)
        assert (done.returncode, ended.requests) == (125, [])
        assert done.stderr.startswith(b"error[UnsafeFolder]: ")


def test_no_request_goes_to_an_endpoint_that_only_a_record_names(aws: CommandLine, ended: FaultServer) -> None:
    record(aws, endpoint_url=ended.url)
    elsewhere = {"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://127.0.0.1:1"}
    for command in ("status", "logs", "stop", "rm"):
        done = aws.run("job", command, GOOD, env=elsewhere)
        assert (done.returncode, ended.requests) == (125, [])
        assert b"hint: add the --endpoint-url that you started it with\n" in done.stderr
        assert ended.url.encode() not in done.stderr
    assert f"job {GOOD} is shown as it was last seen".encode() in aws.run("job", "list", env=elsewhere).stderr
    assert ended.requests == []
    done = aws.run("job", "status", GOOD, "--endpoint-url", ended.url, env=elsewhere)
    assert (done.returncode, ended.operations()) == (0, ["invoke"])


@pytest.mark.parametrize("own_session", [False, True])
@pytest.mark.parametrize("started", [0.0, -2 * DAY, 2 * DAY], ids=["1970", "before", "later"])
def test_a_job_is_over_after_the_longest_lifetime_whatever_has_become_of_its_session(
    aws: CommandLine, faults: FaultServer, *, started: float, own_session: bool
) -> None:
    record(aws, started=started and time.time() + started, own_session=own_session, profile="deleted")
    (folder(aws) / f"{GOOD}.stdout").write_bytes(b"saved\n")
    assert json.loads(aws.run("job", "list", "--json").stdout)["jobs"][0]["state"] == "lost"
    assert aws.run("job", "logs", "-f", GOOD).stdout == b"saved\n"
    assert aws.run("job", "wait", GOOD).returncode == 125
    assert aws.run("job", "rm", GOOD).returncode == 0
    assert (list(folder(aws).iterdir()), faults.requests) == ([], [])


def test_a_job_of_an_emulator_that_is_gone_is_lost_and_can_be_removed(quick: CommandLine) -> None:
    local = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://127.0.0.1:1"}
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "dummy-secret"}
    record(quick, interpreter_id="local", region="us-east-1", endpoint_url="http://127.0.0.1:1")
    done = quick.run("job", "status", "--json", GOOD, env={**local, **keys})
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "lost"), done.stderr
    assert quick.run("job", "rm", GOOD, env={**local, **keys}).returncode == 0
    assert list(folder(quick).iterdir()) == []
