"""What a terminal sees while something is under way: the line goes before anything else is printed."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from typing import TYPE_CHECKING

import pytest

from support.fault_server import Pause
from support.processes import DEADLINE

if TYPE_CHECKING:
    from support.fault_server import FaultServer
    from support.processes import CommandLine

ERASE = b"\r\x1b[K"


@pytest.mark.parametrize(("columns", "is_interrupted"), [(40, True), (80, False)])
def test_a_program_that_takes_long(
    aws: CommandLine, faults: FaultServer, columns: int, *, is_interrupted: bool
) -> None:
    pause = faults.answers["invoke"] = Pause("invoke")
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = aws.start("run", "print('hello')", stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b"running, 4 s" not in seen:
        seen += os.read(ours, 65536)
    if is_interrupted:
        child.send_signal(signal.SIGINT)
    else:
        pause.go_on.set()
    seen += _rest(ours)
    pause.go_on.set()
    assert child.wait(DEADLINE) == (130 if is_interrupted else 0)
    *drawn, last = seen.split(ERASE)
    interrupted = b"agentcore-sandbox: interrupted; output comes at the end; --follow shows it live\r\n"
    assert last == (interrupted if is_interrupted else b"hello\r\n")
    assert {text[1:] for text in drawn if text} == {b" running, 3 s", b" running, 4 s"}


def _rest(descriptor: int) -> bytes:
    seen = b""
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        try:
            while data := file.read(65536):
                seen += data
        except OSError:
            pass  # how Linux says that the other side is closed
    return seen
