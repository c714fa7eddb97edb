"""Fixtures for the embedded service's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[service.Running]:
    with service.serve(tmp_path) as running:
        yield running
