"""What a call costs, in what can be counted: modules, requests, connections, bytes. Times are the benchmark's."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.processes import DEADLINE, CommandLine

if TYPE_CHECKING:
    from support.fault_server import FaultServer

# Left out of the zipapp, or of a plain `run`: what only other commands, resources and docstrings need.
NOT_FOR_A_RUN = {
    "agentcore_sandbox.account",
    "agentcore_sandbox.checks",
    "agentcore_sandbox.jobs",
    "agentcore_sandbox.session_helpers",
    "agentcore_sandbox.sessions",
    "agentcore_sandbox.transfer",
    "asyncio",
    "awscrt",
    "dataclasses",
    "dateutil.parser._parser",
    "dateutil.tz.tz",
    "difflib",
    "html.parser",
    "importlib.metadata",
    "inspect",
    "jmespath.parser",
    "multiprocessing",
    "pydoc",
    "s3transfer.futures",
    "shutil",
    "tempfile",
    "urllib.request",
    "xml.etree.ElementTree",
}
# What the state folder's logs need of it, each of a few lines.
OF_THE_EMULATOR = {
    "agentcore_emulator",
    "agentcore_emulator.file_lock",
    "agentcore_emulator.folder_privacy",
    "agentcore_emulator.sandbox_runtime",
}
# Runs a zipapp as Python does; tells on standard error what it has imported, and the files that it has opened.
WATCHED = """
import atexit, json, os, runpy, sys
opened = []
sys.addaudithook(lambda event, values: opened.append(values[0]) if event == "open" else None)
def tell():
    files = sorted({path for path in opened if isinstance(path, str) and os.path.isfile(path)})
    os.write(2, json.dumps([sorted(sys.modules), files]).encode())
atexit.register(tell)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def caller(own: CommandLine, faults: FaultServer) -> CommandLine:
    """This platform's zipapp, unpacked before, against the fault server."""
    assert own.run("--version").returncode == 0
    return CommandLine(own.command, own.home, {**own.base, **faults.environment})


def watch(caller: CommandLine, *words: str) -> tuple[set[str], list[Path]]:
    """The modules that a call imports, and the files that it opens."""
    command = [sys.executable, "-I", "-S", "-c", WATCHED, caller.command[-1], *words]
    done = subprocess.run(command, env=caller.environment(), capture_output=True, timeout=DEADLINE, check=True)
    modules, files = json.loads(done.stderr)
    return set(modules), [Path(path) for path in files]


def packages(modules: set[str]) -> set[str]:
    """What is imported of the command line: its packages and the modules beside them."""
    return {name.split(".")[1] for name in modules if name.startswith("agentcore_sandbox.")} - {"__main__"}


def test_version_imports_next_to_nothing(caller: CommandLine) -> None:
    modules, _ = watch(caller, "--version")
    assert packages(modules) == set()
    assert not modules & {"argparse", "dataclasses", "inspect", "botocore", "socket", "subprocess", "tempfile"}
    assert len(modules) < 90  # 77 with Python 3.13, half of them for the watch itself


def test_run_imports_the_client_and_no_more(caller: CommandLine) -> None:
    modules, _ = watch(caller, "run", "x")
    assert modules & NOT_FOR_A_RUN == set()
    assert {name for name in modules if name.startswith("agentcore_emulator")} <= OF_THE_EMULATOR
    assert len(modules) < 400  # 347 with Python 3.13


def test_a_run_in_a_named_session_makes_no_dataclass(caller: CommandLine) -> None:
    assert caller.run("run", "--session", "work", "x").stdout == b"hello"
    modules, _ = watch(caller, "run", "--session", "work", "x")
    assert modules & {"dataclasses", "importlib.resources", "inspect"} == set()


def test_a_later_run_reads_its_modules_from_one_file(caller: CommandLine) -> None:
    watch(caller, "run", "x")
    _, files = watch(caller, "run", "x")
    ours = {path.name.partition(".")[0] for path in files if path.suffix == ".pyc" and "site-packages" in path.parts}
    assert ours <= {"_code_archive", "pyopenssl"}  # whose import fails, because there is no pyOpenSSL


def test_what_a_run_does_not_import_exists() -> None:
    """A name that is nowhere any more would hold nothing."""
    assert {name for name in NOT_FOR_A_RUN if find_spec(name) is None} <= {"awscrt"}


def test_run_reads_little_of_botocores_data(caller: CommandLine) -> None:
    _, files = watch(caller, "run", "x")
    data = [path for path in files if path.suffix == ".json"]
    assert {path.name for path in data} == {
        "endpoint-rule-set-1.json",
        "endpoints.json",
        "partitions.json",
        "sdk-default-configuration.json",
        "service-2.json",
    }
    assert sum(path.stat().st_size for path in data) < 80_000


def test_run_sends_four_requests_over_at_most_two_connections(caller: CommandLine, faults: FaultServer) -> None:
    """The program need not wait for the answer to its preparation, and a command has none."""
    assert caller.run("run", "x").stdout == b"hello"
    assert [request.operation for request in faults.requests] == ["start", "invoke", "invoke", "stop"]
    assert [request.is_preparation for request in faults.requests].count(True) == 1
    assert faults.connections <= 2
    faults.connections = 0
    caller.run("run", "--cmd", "x")
    assert faults.connections == 1


def test_a_named_session_costs_one_request_a_call(caller: CommandLine, faults: FaultServer) -> None:
    for _ in range(2):
        faults.requests.clear()
        assert caller.run("run", "--session", "work", "x").stdout == b"hello"
    assert [request.operation for request in faults.requests] == ["invoke"]
