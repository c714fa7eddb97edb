from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.claude_client import Client, make_client

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
