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

SIZE = struct.pack("HHHH", 24, 80, 0, 0)


def on_terminal(cli: CommandLine, *words: str, stream: str = "stdout") -> bytes:
    """Run with a stream on a terminal of 80 columns, and return what the terminal got."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, SIZE)
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
