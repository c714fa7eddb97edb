"""Child processes with an environment built from nothing, and the search for what a test left running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

MARKER = "AGENTCORE_SANDBOX_TEST_RUN"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
DEADLINE = 300.0  # seconds; a hang, not a slow machine


class Run(Protocol):
    """Runs a command of the command line under test."""

    def __call__(
        self, command_line: CommandLine, /, *words: str, stdin: bytes | None = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]: ...


@dataclass(frozen=True)
class CommandLine:
    """The command line under test.

    Attributes:
        command: How it is started: the module, or a zipapp.
        home: A folder that only this test has.
        base: The variables that every child gets.
        in_process: Runs a command without a process of its own, where the test is not about the process.
    """

    command: tuple[str, ...]
    home: Path
    base: dict[str, str]
    in_process: Run | None = None

    def using(self, **variables: str) -> Self:
        """Return the same with more variables."""
        return replace(self, base={**self.base, **variables})

    def quick(self, in_process: Run) -> Self:
        """Return the same with its commands run by `in_process`."""
        return replace(self, in_process=in_process)

    def environment(self, **more: str) -> dict[str, str]:
        return {**self.base, "HOME": str(self.home), **more}

    def run(
        self, *words: str, stdin: bytes | None = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        run = self.in_process or CommandLine.run_process
        return run(self, *words, stdin=stdin, env=env)

    def run_process(
        self, *words: str, stdin: bytes | None = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command in a process of its own, whatever the test's others do."""
        return subprocess.run(
            [*self.command, *words],
            input=stdin,
            capture_output=True,
            env=self.environment(**(env or {})),
            cwd=self.home,
            timeout=DEADLINE,
            check=False,
        )

    def start(self, *words: str, env: dict[str, str] | None = None, **options: int) -> subprocess.Popen[bytes]:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(
            [*self.command, *words],
            env=self.environment(**(env or {})),
            cwd=self.home,
            stdin=streams["stdin"],
            stdout=streams["stdout"],
            stderr=streams["stderr"],
        )


def eventually(holds: Callable[[], object]) -> bool:
    """Wait until something holds that another process or thread is about to do."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return True


def module_command() -> tuple[str, ...]:
    return (sys.executable, "-m", "agentcore_sandbox")


def survivors(marker: str) -> list[str]:
    """Processes of this test run that still run, by the variable that each child got."""
    wanted = f"{MARKER}={marker}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0") and int(process.name) != os.getpid():
                found.append(f"{process.name}: {(process / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:
            continue  # ended meanwhile, or another user's
    return found


def running(command: str) -> bool:
    """Whether a process with exactly this command line runs, in whatever sandbox."""
    wanted = command.replace(" ", "\0").encode() + b"\0"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes() == wanted:
                return True
        except OSError:
            continue  # ended meanwhile
    return False


def children(parent: int) -> list[int]:
    """Processes that this one has started and that still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, ppid = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # ended meanwhile
        if int(ppid) == parent and state != "Z":
            found.append(int(process.name))
    return sorted(found)
