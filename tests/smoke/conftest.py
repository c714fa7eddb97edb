"""The smoke set: what a built zipapp and its launcher must do on every system that README names.

    pytest tests/smoke --zipapp dist/zipapps/agentcore-sandbox-darwin-universal.pyz
    pytest tests/smoke --zipapp dist/zipapps/agentcore-sandbox-windows-amd64.pyz --wine cpython-windows-x86_64.jar

It runs on Linux, macOS and Windows with what `requirements/smoke.txt` locks; `--python` names another Python for the
zipapp than pytest's. With `--wine` the zipapp runs under wine on Linux, as `nox -s windows` has it. The emulator is
there on Linux alone: elsewhere the rows that need one are skipped, and the others talk to a server of the tests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import machine as machines
from support.local import own_service
from support.processes import CommandLine, module_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.machine import Machine


@pytest.fixture(scope="session")
def zipapp(request: pytest.FixtureRequest) -> Path:
    """The zipapp under test."""
    given = request.config.getoption("--zipapp")
    if not given:
        pytest.skip("the smoke set is about a built zipapp: name one with --zipapp")
    return Path(given).resolve()


@pytest.fixture(scope="session")
def machine(
    request: pytest.FixtureRequest, base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Where it runs."""
    jar = request.config.getoption("--wine")
    if not jar:
        yield machines.this_machine(request.config.getoption("--python"))
        return
    with machines.wine(tmp_path_factory.mktemp("wine"), Path(jar).resolve(), base_environment) as made:
        yield made


@pytest.fixture(scope="session")
def program(machine: Machine, zipapp: Path) -> tuple[str, ...]:
    return (*machine.python, "-I", "-S", machine.path(zipapp))


@pytest.fixture
def cli(program: tuple[str, ...], machine: Machine, base_environment: dict[str, str], tmp_path: Path) -> CommandLine:
    """The zipapp, in a home of its own: Windows takes that of the user instead, but for the state folder."""
    (tmp_path / "home").mkdir()
    state = {"AGENTCORE_SANDBOX_STATE_DIR": machine.path(tmp_path / "state")}
    return CommandLine(program, tmp_path / "home", {**base_environment, **machine.variables, **state})


@pytest.fixture(scope="session")
def emulator_variables(
    base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """The variables that lead to an emulator on this Linux."""
    if sys.platform != "linux":
        pytest.skip("the emulator needs Linux")
    folder = tmp_path_factory.mktemp("emulator")
    with own_service(CommandLine(module_command(), folder, base_environment), folder) as service:
        yield json.loads(service.text("local", "env", "--json"))


@pytest.fixture
def emulator(cli: CommandLine, emulator_variables: Mapping[str, str]) -> CommandLine:
    """The zipapp, set to use an emulator as it would AWS: by itself it would start one, where there is a Linux."""
    return cli.using(**{**emulator_variables, "CUSTOM_AGENTCORE_INTERPRETER_ID": "aws.codeinterpreter.v1"})
