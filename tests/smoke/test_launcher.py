"""The plugin's launcher of this system. What shells do with it is for tests/zipapp, and for tests/smoke/windows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import event_stream, fault_server
from support.processes import CommandLine
from support.zipapps import LAUNCHER, VERSION, install

if TYPE_CHECKING:
    from support.fault_server import FaultServer
    from support.machine import Machine


@pytest.fixture(scope="module")
def local(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `%LOCALAPPDATA%` shall be."""
    return machine.path(tmp_path_factory.mktemp("lo cal"))


@pytest.fixture
def launcher(cli: CommandLine, machine: Machine, zipapp: Path, local: str, tmp_path: Path) -> CommandLine:
    """It is called from a folder with a space, a bracket and a letter that is not ASCII, and finds Python on PATH."""
    posix = install({"own": zipapp}, tmp_path / "a plügin (x86)", "own")
    if not machine.is_windows:
        on_path = os.pathsep.join([str(Path(machine.python[0]).parent), cli.base["PATH"]])
        return CommandLine((str(posix),), cli.home, {**cli.base, "PATH": on_path})
    shutil.copy(LAUNCHER.with_suffix(".cmd"), posix.parent)
    call = machine.batch(tmp_path / "call.cmd", 'set "LOCALAPPDATA=%LOCAL%"', '"%LAUNCHER%" %*')
    return CommandLine(
        call, cli.home, {**cli.base, "LAUNCHER": machine.path(posix.with_suffix(".cmd")), "LOCAL": local}
    )


def test_it_finds_a_python_and_remembers_it(launcher: CommandLine) -> None:
    for _ in range(2):
        done = launcher.run("--version")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(VERSION)


def test_code_on_standard_input_and_the_exit_status(launcher: CommandLine, faults: FaultServer) -> None:
    faults.answers["invoke"] = fault_server.stream(event_stream.result("ž\n", exit_code=42))
    code = "print('žluť & %PATH% ^ !')"
    done = launcher.using(**faults.environment).run("run", "-", stdin=code.encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (42, "ž\n", b"")
    assert faults.programs() == [code]
