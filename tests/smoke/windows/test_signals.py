"""Ctrl-C and Ctrl-Break, as the events that a console sends."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from support import fault_server
from support.processes import DEADLINE, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from support.fault_server import FaultServer
    from support.machine import Machine

pytestmark = pytest.mark.nightly

# A console of its own, in which it starts a command, and sends an event to all but itself when it is told to.
CONSOLE = """
import ctypes, signal, subprocess, sys
kernel = ctypes.windll.kernel32
kernel.FreeConsole()
assert kernel.AllocConsole()
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
for signum in (signal.SIGINT, signal.SIGBREAK):
    signal.signal(signum, lambda *_: None)
sys.stdin.read()
assert kernel.GenerateConsoleCtrlEvent(int(sys.argv[1]), 0)
sys.exit(child.wait())
"""


@pytest.mark.parametrize(("event", "status"), [(0, 130), (1, 149)], ids=["Ctrl-C", "Ctrl-Break"])
def test_it_stops_the_session_and_says_so_by_its_status(
    cli: CommandLine, machine: Machine, faults: FaultServer, tmp_path: Path, event: int, status: int
) -> None:
    if event:
        machine.differs("sends no Ctrl-Break")
    (tmp_path / "console.py").write_text(CONSOLE)
    faults.answers["invoke"] = fault_server.silence
    command = (*machine.python, machine.path(tmp_path / "console.py"), str(event), *cli.command[-4:])
    console = CommandLine(command, cli.home, {**cli.base, **faults.environment})
    with console.start("run", "1", stdin=subprocess.PIPE) as child:
        assert faults.invoked.wait(DEADLINE)
        child.communicate(timeout=DEADLINE)
    assert child.returncode == status
    assert faults.operations() == ["start", "invoke", "stop"]
