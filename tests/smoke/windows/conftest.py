"""What only Windows has: all of it nightly, on Windows or under wine. Where wine differs, a row says so."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.processes import CommandLine
from support.zipapps import LAUNCHER

if TYPE_CHECKING:
    import subprocess

    from support.machine import Machine

# In place of the zipapp: tells as JSON what has reached it, and ends with the status that it is told by a variable.
ECHO = """
import json, os, sys
told = {"arguments": sys.argv[1:], "input": sys.stdin.buffer.read().decode(), "python": sys.executable}
sys.stdout.buffer.write(json.dumps({**told, "flags": [sys.flags.isolated, sys.flags.no_site]}).encode())
sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture(autouse=True)
def _only_on_windows(machine: Machine) -> None:
    if not machine.is_windows:
        pytest.skip("this is about Windows")


@dataclass(frozen=True)
class Batch:
    """The launcher for cmd.exe, called from a batch file as a user or a script would write it.

    Attributes:
        machine: Where.
        launcher: Its path, which `%LAUNCHER%` gives.
        cli: The environment of each call; the launcher's `%LOCALAPPDATA%` is `local`.
        local: A folder of this test's own.
    """

    machine: Machine
    launcher: Path
    cli: CommandLine
    local: Path

    @property
    def zipapps(self) -> Path:
        return self.launcher.parents[1] / "zipapps"

    @property
    def memory(self) -> Path:
        """Where the launcher remembers its Python."""
        return self.local / "agentcore-sandbox" / "python.txt"

    def command(self, *lines: str, **variables: str) -> CommandLine:
        """A command line that runs these lines."""
        script = self.machine.batch(self.cli.home / "script.cmd", 'set "LOCALAPPDATA=%LOCAL%"', *lines)
        paths = {"LAUNCHER": self.machine.path(self.launcher), "LOCAL": self.machine.path(self.local)}
        return CommandLine(script, self.cli.home, {**self.cli.base, **paths, **variables})

    def run(self, *lines: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        return self.command(*lines, **variables).run(stdin=stdin)

    def told(self, arguments: str, stdin: bytes = b"", **variables: str) -> dict[str, Any]:
        """What the echo has got of one call."""
        done = self.run(f'"%LAUNCHER%" {arguments}', stdin=stdin, **variables)
        assert (done.returncode, done.stderr) == (0, b"")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def batch(machine: Machine, cli: CommandLine, tmp_path: Path) -> Batch:
    """The launcher with the echo in place of the zipapp, in a folder with all that Windows allows in a name."""
    folder = tmp_path / "a plügin (x86) & ^ !x!"  # no %: wine, unlike Windows, expands what a variable holds
    (folder / "bin").mkdir(parents=True)
    (folder / "zipapps").mkdir()
    (folder / "zipapps" / "agentcore-sandbox-windows-amd64.pyz").write_text(ECHO)
    launcher = shutil.copy(LAUNCHER.with_suffix(".cmd"), folder / "bin")
    return Batch(machine, Path(launcher), cli, tmp_path / "local & (1)")
