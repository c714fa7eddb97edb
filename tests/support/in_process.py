"""The command line inside the tests' own process, for tables of what needs no process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentcore_sandbox import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from support.processes import CommandLine


class InProcess:
    """Runs commands with the environment and the folder that a child process would get.

    Args:
        child: How a child would be run.
        patch: Undoes all changes to this process after the test.
        captured: What is written to the descriptors 1 and 2.
    """

    def __init__(self, child: CommandLine, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[bytes]) -> None:
        self._patch, self._captured = patch, captured
        patch.setattr(os, "environ", child.environment())
        patch.chdir(child.home)

    def run(self, *words: str, stdin: bytes | None = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command; without standard input it is a terminal."""
        with _standard_input(stdin) as file:
            self._patch.setattr(sys, "stdin", file)
            status = cli.main(words)
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
