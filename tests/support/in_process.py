"""The command line inside the tests' own process, for tables of what needs no process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agentcore_sandbox.cli import dispatch
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class Run(Protocol):
    """Runs a command as `CommandLine.run` does."""

    def __call__(
        self, command_line: CommandLine, /, *words: str, stdin: bytes | None = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]: ...


class InProcess:
    """Runs commands with the environment and the folder that a child process would get.

    Args:
        patch: Undoes all changes to this process after the test.
        captured: What is written to the descriptors 1 and 2.
    """

    def __init__(self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]) -> None:
        self._patch, self._captured = patch, captured

    def run(
        self, command_line: CommandLine, /, *words: str, stdin: bytes | None = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command; without standard input it is a terminal."""
        with self._patch.context() as patch, _standard_input(stdin) as file:
            patch.setattr(os, "environ", command_line.environment(**(env or {})))
            patch.setattr(sys, "stdin", file)
            patch.chdir(command_line.home)
            status = dispatch.main(words)
        said = self._captured.readouterr()
        return subprocess.CompletedProcess(words, status, said.out, said.err)


@contextmanager
def _standard_input(content: bytes | None) -> Iterator[io.TextIOWrapper]:
    if content is not None:
        yield io.TextIOWrapper(io.BytesIO(content), "utf-8")
        return
    other, terminal = os.openpty()
    with os.fdopen(other, "rb"), os.fdopen(terminal, encoding="utf-8") as file:
        yield file


@dataclass(frozen=True)
class QuickCommandLine(CommandLine):
    """A command line whose commands run in this process; what is started is still a process of its own.

    Attributes:
        quickly: Runs a command.
    """

    quickly: Run

    def run(
        self, *words: str, stdin: bytes | None = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return self.quickly(self, *words, stdin=stdin, env=env)
