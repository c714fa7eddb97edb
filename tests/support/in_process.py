"""The command line inside the tests' own process, for tables of what needs no process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentcore_sandbox.cli import dispatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from support.processes import CommandLine


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
        environment = command_line.environment(**(env or {}))
        with self._patch.context() as patch, _standard_input(stdin) as file, _environment(environment):
            patch.setattr(sys, "stdin", file)
            patch.setattr(tempfile, "tempdir", None)  # found anew, from the environment
            patch.chdir(command_line.home)
            status = dispatch.main(words)
        said = self._captured.readouterr()
        return subprocess.CompletedProcess(words, status, said.out, said.err)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextmanager
def _standard_input(content: bytes | None) -> Iterator[io.TextIOWrapper]:
    if content is not None:
        yield io.TextIOWrapper(io.BytesIO(content), "utf-8")
        return
    other, terminal = os.openpty()
    with os.fdopen(other, "rb"), os.fdopen(terminal, encoding="utf-8") as file:
        yield file
