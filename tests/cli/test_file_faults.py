"""What goes wrong while files are copied: nothing half-written has the final name, and the next call works."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from support import event_stream, fault_server
from support.copies import ok
from support.local import Local, answered_invokes, invokes, local_line, logging_service
from support.processes import DEADLINE, CommandLine, eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.fault_server import FaultServer, Handler

TWO_PARTS = 17_000_000  # bytes of an upload
THREE_PARTS = 13_000_000  # of a download


@pytest.fixture
def local(quick: CommandLine, tmp_path: Path) -> Local:
    return local_line(quick, tmp_path)


def paths(local: CommandLine, session: str) -> list[str]:
    return [entry["path"] for entry in json.loads(ok(local, "ls", "-r", "--json", session))["entries"]]


def test_a_session_that_is_lost_between_two_parts_of_an_upload(local: Local) -> None:
    data = os.urandom(TWO_PARTS)
    (local.home / "big").write_bytes(data)
    # The first copy looks, sends a part and loses; begun anew it takes four invokes; the second copy loses likewise.
    with logging_service(local, "lose=invoke:1@2", "lose=invoke:1@8") as log:
        done = local.run("cp", "--json", "big", "work:")
        assert done.returncode == 0
        assert b"has ended; its variables and files are lost" in done.stderr
        lost, kept = dict.fromkeys(request["sessionId"] for request in invokes(log))
        assert json.loads(done.stdout)["sessionId"] == kept
        again = local.run("cp", "big", f"{kept}:again")
        assert (again.returncode, b"error[SessionGone]" in again.stderr) == (125, True)
        tools = [request["tool"] for request in invokes(log) if request["sessionId"] == lost]
        assert tools[:3] == ["executeCommand", "writeFiles", "writeFiles"]
        ok(local, "cp", "big", "work:")
        assert paths(local, "work") == ["big"]


def test_a_session_that_is_lost_between_two_parts_of_a_download(local: Local) -> None:
    with logging_service(local, "lose=invoke:1@4") as log:
        ok(local, "exec", "work", "--cmd", f"mkdir d; head -c {THREE_PARTS} /dev/urandom > d/big")
        done = local.run("cp", "work:d", "out/")
        assert (done.returncode, b"error[SessionGone]" in done.stderr) == (125, True), done.stderr
        tools = [request["tool"] for request in invokes(log)]
        assert tools[:5] == [*["executeCommand"] * 3, *["readFiles"] * 2]
        assert list(local.home.glob("out")) == []
        ok(local, "exec", "work", "--cmd", "mkdir d; echo new > d/big")
        ok(local, "cp", "work:d", "out/")
        assert (local.home / "out/d/big").read_text() == "new\n"


def test_an_answer_that_is_lost_changes_nothing(local: Local) -> None:
    """Not even for what cannot be done twice: giving files names that must be free, and removing."""
    (local.home / "f").write_text("contents")
    with logging_service(local, "break=invoke:1@2", "break=invoke:1@3") as log:
        ok(local, "cp", "f", "work:")
        assert json.loads(ok(local, "rm", "--json", "work:f"))["removed"] == ["f"]
        tools = [request["tool"] for request in invokes(log)]
        assert tools == ["executeCommand", "writeFiles", *["executeCommand"] * 4]
        assert paths(local, "work") == []


@pytest.mark.nightly
def test_an_archive_survives_lost_answers_and_no_lost_session(local: Local) -> None:
    with logging_service(local, "break=invoke:1@3", "break=invoke:1@7", "break=invoke:1@10", "lose=invoke:1@24"):
        ok(local, "start", "--name", "work")
        ok(local, "cp", "-", "work:f", stdin=b"contents")
        ok(local, "save", "work", "w.tar.gz")
        ok(local, "start", "--name", "other", "--from", "w.tar.gz")
        assert ok(local, "cp", "other:f", "-") == b"contents"
        while (done := local.run("save", "work", "again.tar.gz", "--force")).returncode == 0:
            local.home.joinpath("again.tar.gz").unlink()
        assert b"error[SessionGone]" in done.stderr
        assert list(local.home.glob("*.gz")) == [local.home / "w.tar.gz"]
        assert list(local.home.glob(".agentcore-sandbox*")) == []


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT], ids=lambda signum: signum.name)
def test_a_client_that_is_killed_while_it_sends(local: Local, signum: signal.Signals) -> None:
    with logging_service(local) as log:
        reading, writing = os.pipe()
        child = local.start("cp", "-", "work:file", stdin=reading)
        os.close(reading)
        os.write(writing, bytes(1 << 16))
        with os.fdopen(writing, "wb") as stream:
            stream.write(bytes(TWO_PARTS))
            stream.flush()
            assert eventually(lambda: "writeFiles" in [request["tool"] for request in answered_invokes(log)])
            child.send_signal(signum)
            child.communicate()
        assert paths(local, "work") == []
        left = ok(local, "exec", "work", "--cmd", "find .agentcore-sandbox -name 'part-*'")
        assert bool(left) == (signum == signal.SIGKILL)  # that is swept up an hour later
        (local.home / "file").write_text("new")
        ok(local, "cp", "file", "work:")
        assert ok(local, "cp", "work:file", "-") == b"new"


def test_a_client_that_is_killed_while_it_fetches(local: Local) -> None:
    with logging_service(local):
        ok(local, "exec", "work", "--cmd", "truncate -s 200M big; echo small > small")
        (local.home / "out").mkdir()
        child = local.start("cp", "work:big", "work:small", "out")
        assert eventually(lambda: list((local.home / "out").glob(".*.part/*")))
        child.kill()
        child.communicate()
        assert [path.suffix for path in (local.home / "out").iterdir()] == [".part"]
        ok(local, "cp", "work:small", "out")
        assert {path.name: path.read_text() for path in (local.home / "out").iterdir()} == {"small": "small\n"}


def test_a_full_disk(local: Local) -> None:
    """A limit on the size of files stands in for the disk."""
    limit = ("/bin/sh", "-c", 'ulimit -f 2000; exec "$@"', "sh")
    small = CommandLine((*limit, *local.command), local.home, local.base)
    with logging_service(local):
        ok(local, "exec", "work", "--cmd", "mkdir d; truncate -s 3M d/big; echo small > d/small")
        done = small.run("cp", "work:d", "out")
        assert (done.returncode, b"error[LocalFile]" in done.stderr) == (125, True)
        assert list(local.home.glob("out")) == []
        refused = small.run("cp", "work:d/big", "-")
        assert (refused.returncode, len(refused.stdout)) == (0, 3 << 20)  # a pipe is no file
        ok(small, "cp", "work:d/small", "out")


def test_two_copies_to_one_name(local: Local) -> None:
    """One of them wins, whole; the other is told."""
    with logging_service(local):
        ok(local, "start", "--name", "work")
        for name in "ab":
            (local.home / name).write_text(name * 100_000)
        children = {name: local.start("cp", name, "work:target") for name in "ab"}
        told = {name: child.communicate(timeout=DEADLINE)[1] for name, child in children.items()}
        won, lost = sorted(children, key=lambda name: children[name].returncode)
        assert (children[won].returncode, children[lost].returncode) == (0, 125)
        assert b"error[FileExists]" in told[lost] or b"File exists" in told[lost]
        assert ok(local, "cp", "work:target", "-") == won.encode() * 100_000


@pytest.mark.parametrize(("tool", "signum"), [("executeCommand", signal.SIGTERM), ("writeFiles", signal.SIGINT)])
def test_a_signal_ends_a_copy_that_hangs(
    aws: CommandLine, faults: FaultServer, tool: str, signum: signal.Signals
) -> None:
    def hang(handler: Handler) -> None:
        if handler.current.body["name"] == tool:
            reached.append(tool)
            fault_server.silence(handler)
        answer = json.dumps({"answer": [None] * 2})  # neither the work folder nor the file is known
        fault_server.stream(event_stream.result(answer))(handler)

    reached: list[str] = []
    faults.answers["invoke"] = hang
    (aws.home / "f").write_text("x")
    child = aws.start("cp", "f", f"{fault_server.SESSION}:")
    assert eventually(lambda: reached)
    child.send_signal(signum)
    stdout, stderr = child.communicate(timeout=DEADLINE / 2)  # the server would be silent for longer
    assert (child.returncode, stdout, stderr) == (128 + signum, b"", b"")


def jsons(depth: int) -> Sequence[str]:
    return ["[" * depth + "]" * depth, '{"answer": [["d"], [0, "a", "file", Infinity, 1, 0]]}']


@pytest.mark.parametrize("answer", jsons(100_000), ids=["deep", "infinite"])
def test_numbers_and_depths_that_no_list_of_files_has(aws: CommandLine, faults: FaultServer, answer: str) -> None:
    faults.answers["invoke"] = fault_server.stream(event_stream.result(answer))
    done = aws.run("ls", f"{fault_server.SESSION}:d")
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"error[UnexpectedAnswer]" in done.stderr


class Guest:
    """A session whose helper answers what the sandbox wants.

    Args:
        answers: Operation -> what it answers.
        part: What readFiles gives.
    """

    def __init__(self, answers: dict[str, object], part: bytes = b"\xffabc") -> None:
        self._answers = {"look": [None] * 3, "scan": SCANNED, "pack": True, "digest": [DIGEST], **answers}
        self._part = part
        self.replies: dict[str, object] = {}

    def __call__(self, handler: Handler) -> None:
        arguments = handler.current.body["arguments"]
        if handler.current.body["name"] == "readFiles":
            resource = {"type": "blob", "uri": "file:///x", "blob": event_stream.base64_text(self._part)}
            payload = {"content": [{"type": "resource", "resource": resource}]}
            fault_server.stream(event_stream.event("result", payload))(handler)
            return
        found = re.search(r'"operation": "(\w+)"', arguments.get("command", ""))
        operation = found[1] if found else ""
        answer = json.dumps(self.replies.get(operation, {"answer": self._answers.get(operation)}))
        fault_server.stream(event_stream.result(answer))(handler)


SCANNED = [["f"], [0, "", "file", 3, 420, 0]]
DIGEST = hashlib.sha256(b"abc").hexdigest()
LIES = {
    "another file": (Guest({"digest": ["0" * 64]}), "FileChanged"),
    "shorter": (Guest({}, b"\xffab"), "UnexpectedAnswer"),
    "longer": (Guest({}, b"\xffabcd"), "UnexpectedAnswer"),
    "no part": (Guest({}, b"abcd"), "UnexpectedAnswer"),
    "no digests": (Guest({"digest": []}), "UnexpectedAnswer"),
    "odd digests": (Guest({"digest": 5}), "UnexpectedAnswer"),
    "odd digest": (Guest({"digest": [[]]}), "FileChanged"),
}


@pytest.mark.parametrize(("guest", "code"), LIES.values(), ids=LIES.keys())
def test_contents_that_are_not_the_file(aws: CommandLine, faults: FaultServer, guest: Guest, code: str) -> None:
    faults.answers["invoke"] = guest
    before = sorted(aws.home.rglob("*"))
    done = aws.run("cp", f"{fault_server.SESSION}:f", "out/f")
    assert (done.returncode, f"error[{code}]".encode() in done.stderr) == (125, True), done.stderr
    assert sorted(aws.home.rglob("*")) == before


@pytest.mark.parametrize("odd", [None, 5, [[]], [5], [[5]], {"roots": 5}], ids=repr)
def test_answers_that_make_no_sense(aws: CommandLine, faults: FaultServer, odd: object) -> None:
    faults.answers["invoke"] = Guest(dict.fromkeys(["look", "scan", "remove", "pack"], odd))
    (aws.home / "f").write_text("abc")
    session = fault_server.SESSION
    for words in (["cp", "f", f"{session}:"], ["cp", f"{session}:f", "-"], ["rm", f"{session}:f"]):
        done = aws.run(*words)
        assert done.returncode in (0, 125)
        assert b"error[Internal]" not in done.stderr, (words, done.stderr)


def test_a_name_cannot_pass_for_a_message(aws: CommandLine, faults: FaultServer) -> None:
    lie = "x\nerror[Forged]: \x1b[2Jlie"
    answers = [
        {"answer": [["d"], [0, "", "folder", 0, 493, 0], [0, lie, "link", 0, 420, 0]]},
        {"error": {"path": lie, "text": lie}},
    ]
    for answer in answers:
        faults.answers["invoke"] = fault_server.stream(event_stream.result(json.dumps(answer)))
        done = aws.run("cp", f"{fault_server.SESSION}:d", "out")
        assert b"lie" in done.stderr
        assert not [line for line in done.stderr.splitlines() if line.startswith(b"error[Forged]") or b"\x1b" in line]


@pytest.mark.parametrize("piece", [b"5", b"{}", b"null", b"", b"[" * 100_000], ids=["5", "{}", "null", "none", "deep"])
def test_pieces_of_an_answer_that_are_no_lists(aws: CommandLine, faults: FaultServer, piece: bytes) -> None:
    scan = Guest({}, piece)
    faults.answers["invoke"] = scan
    scan.replies["scan"] = {"pieces": 2}
    done = aws.run("ls", f"{fault_server.SESSION}:f")
    assert (done.returncode, b"error[UnexpectedAnswer]" in done.stderr) == (125, True), done.stderr
