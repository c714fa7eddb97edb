from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.build_folders import write
from support.claude_client import Client, make_client
from support.plugin_client import install_plugin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def client_variables(local_environment: dict[str, str]) -> dict[str, str]:
    """An emulator of this module's own, and nothing configured."""
    return {name: value for name, value in local_environment.items() if not name.startswith("CUSTOM_")}


@pytest.fixture
def client(tmp_path: Path, client_variables: dict[str, str]) -> Client:
    """A client that has never run before."""
    return make_client(tmp_path / "client", client_variables)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, client_variables: dict[str, str]) -> Client:
    """A client with the plugin, which runs code in the emulator."""
    return install_plugin(tmp_path_factory.mktemp("home") / "client", client_variables)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project/data.csv", "1\n2\n").parent
