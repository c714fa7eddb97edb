"""Names of sessions: made once, kept, replaced when the session is gone, and never a program that runs twice."""

from __future__ import annotations

import fcntl
import json
import signal
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import event_stream, fault_server, tables
from support.fault_server import SESSION
from support.processes import DEADLINE, CommandLine, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fault_server import FaultServer, Handler

GONE = {
    "not active": fault_server.error(400, "ValidationException", f"Code interpreter session {SESSION} is not active"),
    "not found": fault_server.error(404, "ResourceNotFoundException", "no such session"),
    "terminated": fault_server.error(409, "ConflictException", f"Session already terminated: {SESSION}"),
}


class Numbered:
    """Starts sessions with ids of their own."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def __call__(self, handler: Handler) -> None:
        self.started.append(f"01SESSION{len(self.started):017}")
        answer = {"codeInterpreterIdentifier": "x", "sessionId": self.started[-1], "createdAt": fault_server.CREATED}
        handler.send_json(200, answer)


@pytest.fixture
def numbered(faults: FaultServer) -> Numbered:
    starts = Numbered()
    faults.answers["start"] = starts
    return starts


def test_that_a_session_has_no_mount_because_it_runs_already_is_said(aws: CommandLine, faults: FaultServer) -> None:
    secret = "arn:aws:secretsmanager:us-west-2:111122223333:secret:ca-AbCdEf"
    words = ("run", "--session", "work", "--certificate", secret, "x")
    aws.run("start", "--name", "work")
    done = aws.run(*words)
    assert (done.returncode, done.stdout) == (0, b"hello")
    assert b"session 'work' runs already, without these mounts and certificates; " in done.stderr
    aws.run("stop", "work")
    assert b"already" not in aws.run(*words).stderr + aws.run(*words).stderr
    starts = [request.body for request in faults.requests if request.operation == "start"]
    assert ["certificates" in body for body in starts] == [False, True]


def test_a_name_keeps_its_session(aws: CommandLine, faults: FaultServer) -> None:
    told = "agentcore-sandbox: started a new session, 'work'\n"
    for words, said in ((["run", "--session", "work"], told), (["exec", "work"], "")):
        done = aws.run(*words, "print('hello')")
        assert (done.returncode, done.stdout, done.stderr.decode()) == (0, b"hello", said)
    assert faults.operations() == ["start", "invoke", "invoke"]
    assert faults.requests[0].body["name"] == "work"
    assert aws.run("stop", "work", "work").stdout == b"session stopped\n"
    assert b"error[UnknownSession]" in aws.run("stop", "work").stderr


def test_names_are_private_and_hold_no_key(aws: CommandLine) -> None:
    aws.run("start", "--name", "work")
    files = [path for path in (aws.home / ".local/state/agentcore-sandbox").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}
    assert not any("AKIDEXAMPLE" in f"{path} {path.read_text()}" for path in files)


@pytest.mark.parametrize("gone", GONE.values(), ids=GONE.keys())
@pytest.mark.parametrize("words", [["x = 1"], ["--cmd", "true"]], ids=" ".join)
def test_a_session_that_is_gone_is_replaced(
    aws: CommandLine,
    faults: FaultServer,
    numbered: Numbered,
    words: list[str],
    gone: fault_server.Answer,
) -> None:
    aws.run("start", "--name", "work")
    faults.requests.clear()
    faults.preparation = fault_server.in_turn(gone, fault_server.ok)
    faults.answers["invoke"] = fault_server.in_turn(gone, fault_server.ok)
    done = aws.run("exec", "work", *words)
    assert (done.returncode, done.stdout) == (0, b"hello"), done.stderr
    assert done.stderr.decode().startswith(f"agentcore-sandbox: session {numbered.started[0]} of 'work' has ended; ")
    answered = [request for request in faults.requests if request.session == numbered.started[1]]
    assert [request.operation for request in answered if not request.is_preparation] == ["invoke"]


def test_a_program_that_may_have_run_is_not_sent_again(aws: CommandLine, faults: FaultServer) -> None:
    aws.run("start", "--name", "work")
    faults.requests.clear()
    faults.answers["invoke"] = fault_server.stream(event_stream.exception("validationException", "is not active"))
    done = aws.run("exec", "work", "x")
    assert done.returncode == 125
    assert b"error[SessionGone]" in done.stderr
    assert faults.operations() == ["invoke"]


def test_a_session_by_id_is_not_replaced(aws: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = GONE["not found"]
    assert aws.run("exec", SESSION, "--cmd", "true").returncode == 125
    assert faults.operations() == ["invoke"]


def state_file(line: CommandLine) -> Path:
    (found,) = (line.home / ".local/state/agentcore-sandbox/sessions").rglob("*.json")
    return found


@pytest.mark.parametrize("damage", [b"", b"[]"])
def test_a_damaged_name_gets_a_session_and_that_is_told(aws: CommandLine, numbered: Numbered, damage: bytes) -> None:
    aws.run("start", "--name", "work")
    state_file(aws).write_bytes(damage)
    done = aws.run("exec", "work", "x")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (0, b"hello", 1)
    kept = state_file(aws).with_suffix(".unreadable")
    assert done.stderr.decode().startswith(
        f"agentcore-sandbox: the record of 'work' is damaged and kept as {kept}; {numbered.started[1]} "
    )
    assert kept.read_bytes() == damage
    assert aws.run("exec", "work", "x").stderr == b""


def test_a_record_with_a_field_of_a_later_version_keeps_its_session(aws: CommandLine, numbered: Numbered) -> None:
    aws.run("start", "--name", "work")
    record = json.loads(state_file(aws).read_text())
    state_file(aws).write_text(json.dumps({**record, "colour": "red"}))
    done = aws.run("exec", "work", "--cmd", "true")
    assert (done.returncode, done.stderr, len(numbered.started)) == (0, b"", 1)


def test_a_session_of_a_newer_version_is_neither_used_nor_lost_and_its_name_can_be_freed(
    aws: CommandLine, numbered: Numbered
) -> None:
    aws.run("start", "--name", "other")
    other = state_file(aws)
    aws.run("start", "--name", "work")
    [record] = {*other.parent.glob("*.json")} - {other}
    newer = json.dumps({**json.loads(record.read_text()), "version": 2})
    record.write_text(newer)
    for words in (["exec", "work", "1"], ["start", "--name", "work"], ["ls", "work"]):
        done = aws.run(*words)
        assert (done.returncode, record.read_text(), len(numbered.started)) == (125, newer, 2)
        assert done.stderr.startswith(f"error[UnreadableRecord]: {record} cannot be read: a newer version".encode())
    assert aws.run("exec", "other", "1").returncode == 0
    listed = aws.run("sessions")
    assert (listed.returncode, f"a name is left out: {record} cannot be read".encode() in listed.stderr) == (0, True)
    freed = aws.run("stop", "work")
    assert b"hint: the name is free again" in freed.stderr
    assert record.with_suffix(".unreadable").read_text() == newer
    assert aws.run("exec", "work", "1").returncode == 0


@pytest.mark.parametrize(
    ("words", "signum"),
    tables.first(
        1,
        [
            (["exec", "work", "1"], signal.SIGINT),
            (["run", "--session", "work", "1"], signal.SIGTERM),
            (["start", "--name", "work"], signal.SIGINT),
        ],
    ),
)
def test_a_signal_ends_the_wait_for_another_process_at_once(
    aws: CommandLine, words: list[str], signum: signal.Signals
) -> None:
    with held_lock(aws) as lock:
        child = aws.start(*words)
        assert eventually(lambda: has_open(child.pid, lock))
        child.send_signal(signum)
        stdout, stderr = child.communicate(timeout=DEADLINE)
        assert (child.returncode, stdout, stderr) == (128 + signum, b"", b"")


@contextmanager
def held_lock(line: CommandLine) -> Iterator[Path]:
    """Hold the lock of the name `work`."""
    line.run("start", "--name", "work")
    lock = state_file(line).with_suffix(".lock")
    state_file(line).unlink()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield lock


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open, so that it waits for its lock."""
    descriptors = Path(f"/proc/{pid}/fd")
    with suppress(FileNotFoundError):  # it has closed one meanwhile
        return any(descriptor.exists() and descriptor.samefile(path) for descriptor in descriptors.iterdir())
    return False


def test_a_session_whose_name_cannot_be_written_down_is_stopped(aws: CommandLine, faults: FaultServer) -> None:
    full = CommandLine(("/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *aws.command), aws.home, aws.base)
    aws.run("stop", "work")  # what is written at first use has room
    done = full.run("exec", "work", "x")
    assert (done.returncode, b"error[StateFailed]" in done.stderr) == (125, True)
    assert faults.operations() == ["start", "stop"]
    assert [path for path in aws.home.rglob("*") if path.is_file() and path.stat().st_size] == []


at_once = pytest.mark.parametrize("count", [3, pytest.param(10, marks=pytest.mark.nightly)])


@at_once
def test_processes_at_once_make_one_session(
    aws: CommandLine, faults: FaultServer, numbered: Numbered, count: int
) -> None:
    children = [aws.start("exec", "work", "--cmd", "true") for _ in range(count)]
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0] * count
    assert len(numbered.started) == 1
    assert {request.session for request in faults.requests if request.operation == "invoke"} == set(numbered.started)


@at_once
def test_processes_at_once_replace_it_once(
    aws: CommandLine, faults: FaultServer, numbered: Numbered, count: int
) -> None:
    aws.run("start", "--name", "work")

    def by_session(handler: Handler) -> None:
        (GONE["not found"] if handler.current.session == numbered.started[0] else fault_server.ok)(handler)

    faults.answers["invoke"] = by_session
    children = [aws.start("exec", "work", "--cmd", "true") for _ in range(count)]
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0] * count
    assert len(numbered.started) == 2


def test_a_name_belongs_to_key_region_and_interpreter(aws: CommandLine, numbered: Numbered) -> None:
    other = {"AWS_ACCESS_KEY_ID": "AKIDOTHER"}
    aws.run("exec", "work", "1")
    aws.run("exec", "work", "1", env=other)
    aws.run("exec", "work", "--region", "eu-west-1", "1")
    aws.run("exec", "work", "--interpreter-id", "mine-AbCdEfGh12", "1")
    aws.run("exec", "work", "1", env={**other, "AWS_ACCOUNT_ID": "123456789012"})
    aws.run("exec", "work", "1", env={"AWS_ACCOUNT_ID": "123456789012"})
    assert len(numbered.started) == 5


def test_a_taken_name_is_not_started_again(aws: CommandLine, faults: FaultServer) -> None:
    assert json.loads(aws.run("start", "--name", "work", "--json").stdout) == {"sessionId": SESSION, "name": "work"}
    done = aws.run("start", "--name", "work")
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NameTaken]")
    faults.answers["get"] = GONE["not found"]
    assert aws.run("start", "--name", "work").returncode == 0


def test_an_expired_session_is_replaced_without_asking(
    aws: CommandLine, faults: FaultServer, numbered: Numbered
) -> None:
    aws.run("start", "--name", "work", "--timeout", "1")
    record = next((aws.home / ".local/state/agentcore-sandbox/sessions").rglob("*.json"))
    record.write_text(json.dumps({**json.loads(record.read_text()), "started": 0.0}))
    faults.requests.clear()
    assert aws.run("exec", "work", "--cmd", "true").returncode == 0
    assert faults.operations() == ["start", "invoke"]
    assert len(numbered.started) == 2


def test_sessions_show_the_name(aws: CommandLine, faults: FaultServer) -> None:
    aws.run("start", "--name", "work")
    item = {"codeInterpreterIdentifier": "x", "sessionId": SESSION, "status": "READY", "name": "other"}
    faults.answers["list"] = lambda handler: handler.send_json(
        200, {"items": [{**item, "createdAt": fault_server.CREATED}]}
    )
    row = json.loads(aws.run("sessions", "--json").stdout)["sessions"][0]
    assert (row["name"], row["isNamed"]) == ("work", True)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"name": 1}', b"\xff"])
def test_a_damaged_record_is_no_name(aws: CommandLine, numbered: Numbered, damage: bytes) -> None:
    aws.run("start", "--name", "work")
    record = next((aws.home / ".local/state/agentcore-sandbox/sessions").rglob("*.json"))
    record.write_bytes(damage)
    assert aws.run("exec", "work", "--cmd", "true").returncode == 0
    assert aws.run("sessions").returncode == 0
    assert len(numbered.started) == 2


def test_the_state_folder(aws: CommandLine) -> None:
    done = aws.run("exec", "work", "1", env={"HOME": ""})
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[NoStateFolder]")
    chosen = aws.home / "chosen"
    assert aws.run("exec", "work", "1", env={"HOME": "", "AGENTCORE_SANDBOX_STATE_DIR": str(chosen)}).returncode == 0
    assert list(chosen.rglob("*.json"))
    for folder in chosen.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)
    opened = aws.run("exec", "work", "1", env={"AGENTCORE_SANDBOX_STATE_DIR": str(chosen)})
    assert opened.stderr.startswith(b"error[UnsafeFolder]")
