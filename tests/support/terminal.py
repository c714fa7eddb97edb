"""A real terminal for one of a command's streams."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from typing import TYPE_CHECKING

from support.processes import DEADLINE

if TYPE_CHECKING:
    from support.processes import CommandLine


def on_terminal(cli: CommandLine, *words: str, stream: str = "stdout", columns: int = 80) -> bytes:
    """Run with a stream on a terminal, and return what the terminal got."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = cli.start(*words, stdout=theirs) if stream == "stdout" else cli.start(*words, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 65536):
            seen += data
    except OSError:
        pass  # how Linux says that the other side is closed
    os.close(ours)
    child.communicate(timeout=DEADLINE)
    return seen.replace(b"\r\n", b"\n")
