"""Fixtures of all tests, and the check that nothing survives them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from support import botocore_data, fault_server, processes
from support.in_process import InProcess
from support.processes import MARKER, SYSTEM_PATH, CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fault_server import FaultServer


ENDING = 10.0  # seconds for a process that has said its last word: a background start that failed, say
# The same examples in every run, however slow the machine is: HYPOTHESIS_SEARCH=2000 looks at as many others.
SEARCH = int(os.environ.get("HYPOTHESIS_SEARCH", "0"))
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    derandomize=not SEARCH,
    max_examples=SEARCH or 30,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--zipapp", help="test this zipapp instead of the source")
    parser.addoption("--python", help="start the zipapp with this Python instead of pytest's")
    parser.addoption("--wine", help="tests/smoke: under wine, with the Windows Python in this jar")


def pytest_configure(config: pytest.Config) -> None:
    """Undo what the background of a script does to its processes, and through them to the children of the tests."""
    for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        signum = getattr(signal, name, None)  # Windows has no SIGHUP
        if signum and signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, handler)
    botocore_data.read_once()
    if worker := getattr(config, "workerinput", None):
        _begin_elsewhere(config.args, int(worker["workerid"].removeprefix("gw")), worker["workercount"])


def _begin_elsewhere(folders: list[str], number: int, workers: int) -> None:
    """Let each worker collect another part first: in a new checkout each then compiles a part for all, not all.

    Tests by name keep their order, which could not be found again.
    """
    if any("::" in name for name in folders):
        return
    start = len(folders) * number // workers
    folders[:] = folders[start:] + folders[:start]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All workers must name the tests in one order."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path)


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """The temporary folder of all children of this test run, which they must leave empty."""
    folder = Path(tempfile.mkdtemp(prefix="acs-"))
    (folder / "tmp").mkdir()
    yield folder
    left = sorted(str(path.relative_to(folder)) for path in (folder / "tmp").iterdir())
    shutil.rmtree(folder)
    assert left == [], "temporary files survived the tests"


@pytest.fixture(scope="session")
def base_environment(run_folder: Path) -> Iterator[dict[str, str]]:
    """What every child process gets, and nothing of the caller's; in the end no child may be left."""
    marker = uuid.uuid4().hex
    yield {
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "TMPDIR": str(run_folder / "tmp"),
        "XDG_CACHE_HOME": str(run_folder / "cache"),  # a zipapp is unpacked once, not for each test's home
        "AGENTCORE_SANDBOX_RUNTIME_DIR": str(run_folder / "runtime"),
        MARKER: marker,
    }
    deadline = time.monotonic() + ENDING
    while processes.survivors(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes.survivors(marker) == [], "processes survived the tests"


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """How the command line under test is started."""
    zipapp, python = request.config.getoption("--zipapp"), request.config.getoption("--python") or sys.executable
    return (python, "-I", str(Path(zipapp).resolve())) if zipapp else processes.module_command()


@pytest.fixture
def from_source(request: pytest.FixtureRequest) -> None:
    """For what a zipapp does not let a test do: it has modules of its own, and no variable changes its Python."""
    if request.config.getoption("--zipapp"):
        pytest.skip("not with a zipapp")


@pytest.fixture
def patching(from_source: None, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:  # noqa: ARG001 - asks first
    """Changes modules of the command line under test."""
    return monkeypatch


@pytest.fixture
def cli(program: tuple[str, ...], base_environment: dict[str, str], tmp_path: Path) -> CommandLine:
    home = tmp_path / "home"
    home.mkdir()
    return CommandLine(program, home, base_environment)


@pytest.fixture
def quick(
    request: pytest.FixtureRequest,
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> CommandLine:
    """The command line with its commands run in this process; as a zipapp each is a process."""
    return cli if request.config.getoption("--zipapp") else cli.quick(InProcess(monkeypatch, capfdbinary).run)


@pytest.fixture(scope="module")
def local_environment(
    program: tuple[str, ...], base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Variables with which the command line uses an emulator of this module's own."""
    folder = tmp_path_factory.mktemp("local")
    more = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local", "AGENTCORE_SANDBOX_RUNTIME_DIR": str(folder / "runtime")}
    environment = {**base_environment, **more}
    yield environment
    assert CommandLine(program, folder, environment).run("local", "stop").returncode == 0


@pytest.fixture
def local(quick: CommandLine, local_environment: dict[str, str]) -> CommandLine:
    """The command line, set to use the emulator."""
    return quick.using(**local_environment)


@pytest.fixture
def faults() -> Iterator[FaultServer]:
    with fault_server.serve() as server:
        yield server


@pytest.fixture
def aws(quick: CommandLine, faults: FaultServer) -> CommandLine:
    """The command line with dummy credentials, set to use the fault server."""
    return quick.using(**faults.environment)
