"""A damaged copy of the program is unpacked anew, when a start fails because of it; `doctor` finds every damage."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from support import tables
from support.processes import DEADLINE, CommandLine
from support.zipapps import OWN, VERSION, install

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from support.fault_server import FaultServer


@pytest.fixture(params=["zipapp", "launcher"])
def program(
    request: pytest.FixtureRequest, zipapps: Mapping[str, Path], base_environment: dict[str, str], tmp_path: Path
) -> CommandLine:
    """This platform's zipapp with a cache of its own, as users start it."""
    home = tmp_path / "home"
    home.mkdir()
    launcher = install(zipapps, tmp_path / "plugin", OWN)
    base = {**base_environment, "XDG_CACHE_HOME": str(home / "cache")}
    words = (str(launcher),) if request.param == "launcher" else (sys.executable, "-I", str(zipapps[OWN]))
    command = CommandLine(words, home, base)
    assert command.run("--version").stdout.startswith(VERSION)
    assert command.run("help").returncode == 0
    return command


def package(program: CommandLine) -> Path:
    """The command line in the unpacked copy."""
    [found] = (program.home / "cache").glob("agentcore-sandbox/*/site-packages/agentcore_sandbox")
    return found


def remove(name: str) -> Callable[[Path], None]:
    return lambda package: (package / name).unlink()


def overwrite(name: str, text: str) -> Callable[[Path], None]:
    def damage(package: Path) -> None:
        (package / name).write_text(text)

    return damage


def cut_bytecode(package: Path) -> None:
    for path in package.glob("cli/__pycache__/dispatch.*.pyc"):
        path.write_bytes(path.read_bytes()[:100])


def remove_all(package: Path) -> None:
    shutil.rmtree(package)


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a command": (remove("commands/cp.py"), ["cp", "--help"]),
    "dispatch": (remove("cli/dispatch.py"), ["help"]),
    "bytecode": (cut_bytecode, ["help"]),
    "what a command imports": (remove("cli/parser.py"), ["cp", "--help"]),
    "empty": (overwrite("__main__.py", ""), ["--version"]),
    "other code": (overwrite("errors.py", "x ="), ["help"]),
    "everything": (remove_all, ["--version"]),
}


@pytest.mark.parametrize("name", tables.first(3, DAMAGES))
def test_a_start_that_fails_by_it_mends_the_copy_and_goes_on(program: CommandLine, name: str) -> None:
    damage, words = DAMAGES[name]
    damage(package(program))
    for _ in range(2):
        done = program.run(*words)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout
    assert not list((program.home / "cache").glob("*/*.unpacking"))


def test_what_may_have_run_is_not_run_again(program: CommandLine, faults: FaultServer) -> None:
    (package(program) / "aws" / "event_stream.py").unlink()
    done = program.run("run", "--json", "x", env=faults.environment)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (125, "DamagedCopy")
    assert "missing or damaged, such as site-packages/agentcore_sandbox/aws/event_stream.py" in error["message"]
    assert faults.requests == []
    assert program.run("run", "x", env=faults.environment).stdout == b"hello"


def test_doctor_looks_at_every_file(program: CommandLine) -> None:
    damaged = package(program) / "session_helpers" / "files.py"
    damaged.write_text(damaged.read_text().replace("a", "b"))
    (program.home / ".aws").mkdir()
    done = program.run("doctor", env={"CUSTOM_AGENTCORE_INTERPRETER_ID": "local"})
    [line] = [line for line in done.stdout.decode().splitlines() if " copy: " in line]
    assert "1 of the files" in line


SCRIPT = """
import sys
sys.path.append(sys.argv[1])
from _startup import unpack
print(unpack.repair(*sys.argv[2:]))
"""


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_damaged_again_at_once_ends_in_one_line(
    zipapps: Mapping[str, Path], base_environment: dict[str, str], tmp_path: Path
) -> None:
    """A file that the zipapp holds twice: the copy can have but one, and that one is broken."""
    broken = tmp_path / "broken.pyz"
    shutil.copy(zipapps[OWN], broken)
    with zipfile.ZipFile(broken, "a") as archive:
        archive.writestr("site-packages/agentcore_sandbox/errors.py", "x =")
    environment = {**base_environment, "XDG_CACHE_HOME": str(tmp_path)}
    words = [sys.executable, "-I", str(broken), "help"]
    done = subprocess.run(words, env=environment, capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith(b"error[DamagedCopy]: site-packages/agentcore_sandbox/errors.py in ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("of", ["another version", "none"])
def test_without_its_zipapp_nothing_is_said_about_a_copy(
    zipapps: Mapping[str, Path], tree: Path, tmp_path: Path, of: str
) -> None:
    """As when the plugin is updated while a command runs."""
    gone = tmp_path / "agentcore-sandbox.pyz"
    words = [sys.executable, "-I", "-c", SCRIPT, str(zipapps["any"]), str(zipapps["any"] if of != "none" else gone)]
    done = subprocess.run([*words, str(tree)], capture_output=True, timeout=DEADLINE, check=True, env={})
    assert done.stdout == b"[]\n"
