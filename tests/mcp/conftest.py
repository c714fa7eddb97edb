"""A server process and an emulator, for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.local import Local
from support.mcp_client import McpClient, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def served(
    program: tuple[str, ...], local_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Local:
    """The command line with an emulator and a home of this module's own."""
    return Local(program, tmp_path_factory.mktemp("home"), local_environment)


@pytest.fixture(scope="module")
def client(served: Local) -> Iterator[McpClient]:
    with serving(served) as client:
        client.initialize()
        yield client
        assert client.close() == 0
