"""Answers from inside a sandbox are hostile: each is the expected one, or ends the session, and never more."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator import tools
from agentcore_emulator.agent.files import LISTING_BYTES
from agentcore_emulator.agent.supervisor import IMAGE_BYTES, IMAGES
from agentcore_emulator.agent_client import ANSWER_TEXT, Call, HungUpError, SandboxGoneError
from agentcore_emulator.sandbox import Sandbox, SandboxConfig
from agentcore_emulator.tools import agent_answers, files

if TYPE_CHECKING:
    from agentcore_emulator.agent import protocol

LIMIT = 1000


def answer(*chunks: bytes) -> protocol.Message:
    """What a call makes of these bytes, sent one chunk after the other."""
    ours, theirs = socket.socketpair()
    sender = threading.Thread(target=send, args=[theirs, chunks])
    sender.start()
    call = Call(ours, LIMIT)
    try:
        return call.answer(threading.Event())
    finally:
        call.close()
        sender.join()


def send(conn: socket.socket, chunks: tuple[bytes, ...]) -> None:
    with conn:
        try:
            for chunk in chunks:
                conn.sendall(chunk)
        except OSError:
            return


def frame(message: object, data: bytes = b"") -> bytes:
    text = json.dumps(message).encode()
    return struct.pack(">II", len(text), len(data)) + text + data


def test_whole_and_in_single_bytes() -> None:
    whole = frame({"exitCode": 0}, b"output")
    assert answer(whole) == answer(*(bytes([byte]) for byte in whole)) == ({"exitCode": 0}, b"output")


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">II", 1 << 31, 0),
        struct.pack(">II", 2, LIMIT + 1) + b"{}",
        frame([]),
        frame(None),
        struct.pack(">II", 3, 0) + b"\xff{}",
        struct.pack(">II", 100_000, 0) + b"[" * 100_000,
    ],
)
def test_malformed(sent: bytes) -> None:
    with pytest.raises(SandboxGoneError):
        answer(sent)


@pytest.mark.parametrize(
    ("start", "middle", "times", "end"),
    [
        (b"[", b"[],", 15_000_000, b"0]"),
        (b"[", b"[],", ANSWER_TEXT // 3 - 10, b"0]"),
        (b"[" * 500_000, b"]", 500_000, b""),
        (b"", b"9", 1_000_000, b""),
    ],
    ids=["46 MB", "values", "depth", "digits"],
)
def test_no_answer_takes_much_memory(start: bytes, middle: bytes, times: int, end: bytes) -> None:
    """A red team's frame of 46 MB took the server from 62 to 1276 MB."""
    text = b'{"exitCode": ' + start + middle * times + end + b"}"
    sent = struct.pack(">II", len(text), 0) + text
    tracemalloc.start()
    try:
        with contextlib.suppress(SandboxGoneError):
            agent_answers.integer(answer(sent)[0], "exitCode", 255)
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", range(len(frame({}, b"data"))))
def test_cut_off(size: int) -> None:
    with pytest.raises(HungUpError):
        answer(frame({}, b"data")[:size])


@given(st.binary(max_size=100))
def test_any_bytes(sent: bytes) -> None:
    try:
        message, data = answer(sent)
    except (HungUpError, SandboxGoneError):
        return
    assert isinstance(message, dict)
    assert len(data) <= LIMIT


class Impostor(Sandbox):
    """A sandbox whose agent gives one prepared answer."""

    def __init__(self, message: dict[str, Any], data: bytes) -> None:
        super().__init__(SandboxConfig(Path()))
        self._workers = {"python": []}
        self._prepared = frame(message, data)

    def call(self, answerer: str) -> Call:
        del answerer
        ours, theirs = socket.socketpair()
        threading.Thread(target=self._answer, args=[theirs]).start()
        return Call(ours, 2 * LISTING_BYTES)

    def _answer(self, conn: socket.socket) -> None:
        conn.recv(1 << 16)
        send(conn, (self._prepared,))


RAN = {"exitCode": 0, "seconds": 0.5, "outcome": "ended", "lost": None, "leftOut": 0, "sizes": [1, 1]}


@pytest.mark.parametrize(
    ("tool", "given_", "message"),
    [
        *[
            ("executeCode", {"code": ""}, {**RAN, **wrong})
            for wrong in (
                {"exitCode": None},
                {"exitCode": "0"},
                {"exitCode": True},
                {"exitCode": -1},
                {"exitCode": 256},
                {"exitCode": 10**400},
                {"seconds": None},
                {"seconds": "1"},
                {"seconds": -1},
                {"seconds": float("nan")},
                {"seconds": float("inf")},
                {"seconds": 10**400},
                {"seconds": 1e300},
                {"sizes": [1, 1] + [0] * (IMAGES + 1)},
                {"lost": "x"},
                {"leftOut": -1},
                {"leftOut": 1 << 61},
                {"sizes": None},
                {"sizes": [2]},
                {"sizes": [1, 1, 1]},
                {"sizes": [-1, 3]},
                {"sizes": [True, True]},
                {"sizes": [1, "1"]},
                {"sizes": [1.0, 1.0]},
            )
        ],
        ("executeCommand", {"command": ""}, {"seconds": 1}),
        ("executeCommand", {"command": ""}, {"exitCode": 0}),
        ("readFiles", {"paths": ["a"]}, {}),
        ("readFiles", {"paths": ["a", "b"]}, {"sizes": [2]}),
        ("readFiles", {"paths": ["a"]}, {"sizes": [1, 1]}),
    ],
)
def test_wrong_answers_end_the_session(tool: str, given_: dict[str, Any], message: dict[str, Any]) -> None:
    impostor = Impostor(message, b"oe")
    with pytest.raises(SandboxGoneError, match="its agent sent"):
        tools.invoke(impostor, tool, given_, threading.Event())
    assert not impostor.alive


@pytest.mark.parametrize(
    "listing",
    [b"name\0", b"\0", b"f../name\0", b"f\0" * (files.MAX_ENTRIES + 1), b"f" * (LISTING_BYTES + 1)],
    ids=["kind", "empty", "path", "many", "long"],
)
def test_a_wrong_listing_ends_the_session(listing: bytes) -> None:
    with pytest.raises(SandboxGoneError, match="its agent sent"):
        tools.invoke(Impostor({}, listing), "listFiles", {}, threading.Event())


def test_images_that_no_result_can_carry_end_the_session() -> None:
    """They left no room for the output, which was shortened for ever."""
    images = Impostor({**RAN, "sizes": [1, 1, IMAGE_BYTES + 1]}, bytes(2 + IMAGE_BYTES + 1))
    with pytest.raises(SandboxGoneError, match="larger images"):
        tools.invoke(images, "executeCode", {"code": ""}, threading.Event())


@pytest.mark.parametrize("outcome", ["ended", "died", None, [], 5, "\ud800"])
def test_any_outcome_is_taken_for_text(outcome: object) -> None:
    with contextlib.closing(Impostor({**RAN, "outcome": outcome}, b"oe")) as impostor:
        payload = tools.invoke(impostor, "executeCode", {"code": ""}, threading.Event())
    assert payload["structuredContent"]["stdout"] == "o"


def test_errors_and_names_are_made_printable_in_any_encoding() -> None:
    entries = Impostor({}, b"f\xff\0")
    assert tools.invoke(entries, "listFiles", {}, threading.Event())["content"][0]["name"] == "\ufffd"
    broken = Impostor({"error": {"errno": [], "text": "\ud800", "path": 5}}, b"")
    assert tools.invoke(broken, "listFiles", {}, threading.Event())["content"][0]["text"].endswith("list_files: ?")


def test_a_request_that_nobody_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentcore_emulator.agent_client.GRACE_SECONDS", 0.2)
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(SandboxGoneError, match="does not take a request"):
        Call(ours, LIMIT).send({}, [bytes(10_000_000)], 10_000_000)
    ours.close()


def test_an_answer_in_endless_pieces_ends_with_its_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte now and then keeps a call busy; once cancelled it has to end all the same."""
    monkeypatch.setattr("agentcore_emulator.agent_client.GRACE_SECONDS", 0.5)
    ours, theirs = socket.socketpair()
    end, cancelled = threading.Event(), threading.Event()

    def drip() -> None:
        theirs.sendall(struct.pack(">II", 1 << 20, 0))
        while not end.wait(0.01):
            theirs.sendall(b"x")

    dripper = threading.Thread(target=drip)
    dripper.start()
    cancelled.set()
    with pytest.raises(SandboxGoneError, match="does not react"):
        Call(ours, LIMIT).answer(cancelled)
    end.set()
    dripper.join()
    ours.close()
    theirs.close()
