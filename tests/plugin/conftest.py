from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support import build_folders


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return build_folders.git_environment(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree with zipapps built, nothing staged yet."""
    return build_folders.make_source(tmp_path / "source")


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with plugin and marketplace staged: for copies only."""
    folder = tmp_path_factory.mktemp("staged")
    source = build_folders.make_source(folder / "source")
    build_folders.build(source, "plugin", environment=build_folders.git_environment(folder / "home"))
    return source


@pytest.fixture
def built(staged: Path, tmp_path: Path) -> Path:
    """A copy of that source tree."""
    return Path(shutil.copytree(staged, tmp_path / "source"))
