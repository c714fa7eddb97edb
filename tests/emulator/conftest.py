"""Fixtures for the emulator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import sandboxes, service
from support.local import Local, own_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.processes import CommandLine
    from support.sandboxes import Session


@pytest.fixture
def running(tmp_path: Path) -> Iterator[service.Running]:
    with service.serve(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A sandbox of the module's own, with the module's `LIMITS`."""
    limits = getattr(request.module, "LIMITS", None)
    with sandboxes.start(tmp_path_factory.mktemp("session") / "sandbox", limits) as session:
        yield session


@pytest.fixture
def local(quick: CommandLine, tmp_path: Path) -> Iterator[Local]:
    with own_service(quick, tmp_path) as local:
        yield local
