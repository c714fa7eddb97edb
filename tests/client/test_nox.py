"""nox as somebody has it already: from an installation of their own, without uv."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.build_folders import ROOT
from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def nox(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs nox, installed as locked but for uv, with the system's programs alone on PATH."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
        )

    python = tmp_path / "own/bin/python"
    pip = (python, "-m", "pip")
    steps: list[tuple[str | Path, ...]] = [
        (sys.executable, "-m", "venv", tmp_path / "own"),
        (*pip, "install", "-q", "--require-hashes", "-r", "requirements/nox.txt"),
        (*pip, "uninstall", "-q", "-y", "uv"),
    ]
    for step in steps:
        done = run(*step)
        assert done.returncode == 0, done.stderr
    return lambda *words: run(python, "-m", "nox", "--envdir", tmp_path / "environments", *words)


@pytest.mark.nightly
def test_a_session_installs_and_runs(nox: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = nox("-s", "lint")
    assert done.returncode == 0, done.stderr
    assert "Creating virtual environment (virtualenv)" in done.stderr
