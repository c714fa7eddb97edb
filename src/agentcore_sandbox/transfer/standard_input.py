"""What a program in a session reads as its standard input: a file there, which is removed as soon as it is open."""

from __future__ import annotations

import os
import stat
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from agentcore_sandbox.api import DISK_BYTES
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.sessions.workspace import FOLDER

if TYPE_CHECKING:
    from agentcore_sandbox.sessions.workspace import Workspace

MOST_AT_ONCE = 16 << 20
"""Bytes that are sent in one request; more goes in parts, as files do."""


@dataclass(frozen=True)
class StandardInput:
    """Data for a program; it can be sent more than once.

    Attributes:
        data: All of it, where it is little.
        path: The file that has it otherwise.
        held: The temporary file that it is, which is closed with this.
    """

    data: bytes = b""
    path: str = ""
    held: IO[bytes] | None = None

    def __del__(self) -> None:
        """Close the temporary file."""
        if self.held:
            self.held.close()

    def send(self, workspace: Workspace) -> str:
        """Write it into the session; returns the path of the file there."""
        target = f"{FOLDER}/stdin-{uuid.uuid4().hex}"
        if not self.path:
            workspace.write(target, self.data)
            return target
        from agentcore_sandbox.transfer.upload import Upload

        if self.held:
            self.held.seek(0)  # where the system opens /dev/fd as a copy of the descriptor
        Upload([self.path], target, quiet=True).run(workspace)
        return target


def read(word: str) -> StandardInput:
    """Take a file, or with `-` all of standard input, before anything is started.

    Raises:
        UsageError: It cannot be read, or is larger than a session's disk.
    """
    if word == "-" and sys.stdin is None:
        raise UsageError("standard input is closed", "give it a file or a pipe")
    try:
        if word == "-":
            return _taken(sys.stdin.buffer)
        with Path(word).open("rb") as file:
            is_small = os.fstat(file.fileno()).st_size <= MOST_AT_ONCE
            is_plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return _taken(file) if is_small or not is_plain else StandardInput(path=str(Path(word).absolute()))
    except OSError as error:
        raise UsageError(f"cannot read {'standard input' if word == '-' else word}: {error.strerror}") from None


def _taken(source: BinaryIO) -> StandardInput:
    """Read what cannot be read twice; what is much goes into a temporary file."""
    data = source.read(MOST_AT_ONCE + 1)
    if len(data) <= MOST_AT_ONCE:
        return StandardInput(data)
    import tempfile

    held = tempfile.TemporaryFile()  # noqa: SIM115 - it is needed until the end, and has no name to be left behind
    kept = StandardInput(path=held.name if os.name == "nt" else f"/dev/fd/{held.fileno()}", held=held)
    size = 0
    while data:
        size += held.write(data)
        if size > DISK_BYTES:
            raise UsageError(f"the input does not end within {DISK_BYTES >> 30} GiB, the disk of a session")
        data = source.read(MOST_AT_ONCE)
    held.flush()
    return kept
