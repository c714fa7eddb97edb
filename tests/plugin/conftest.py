from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import build_folders

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return build_folders.git_environment(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree with zipapps built, nothing staged yet."""
    return build_folders.make_source(tmp_path / "source")


@pytest.fixture
def built(source: Path, environment: dict[str, str]) -> Path:
    """The same with plugin and marketplace staged."""
    build_folders.build(source, "plugin", environment=environment)
    build_folders.build(source, "marketplace", environment=environment)
    return source
