from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.logs_server import LogsServer


@pytest.fixture(scope="module")
def one_server() -> Iterator[LogsServer]:
    from support import logs_server  # it loads moto

    with logs_server.serve() as server:
        yield server


@pytest.fixture
def logs(one_server: LogsServer) -> LogsServer:
    """A pretend account without log groups, where nothing goes wrong yet."""
    one_server.reset()
    return one_server
