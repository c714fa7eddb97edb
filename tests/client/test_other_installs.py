"""README's ways to install without Claude Code work as they stand there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.build_folders import ROOT
from support.documents import page, shell_blocks
from support.processes import DEADLINE

BY_NIGHT = [pytest.param(way, marks=pytest.mark.nightly) for way in ("pipx install", "pip install -q .")]
WAYS = ("dist/zipapps/", "uv tool install", *BY_NIGHT)
ALREADY_DONE = ("python3 -m venv .venv ", ".venv/bin/nox ")  # by the nox session that runs this
FIRST_USE = "echo; command -v agentcore-sandbox; agentcore-sandbox run --interpreter-id local 'print(6 * 7)'"


def lines_of(way: str) -> list[str]:
    """The block of README that has the way in it."""
    blocks = [block for block in shell_blocks(page("README.md", "## Install")) if any(way in line for line in block)]
    assert len(blocks) == 1
    return [line for line in blocks[0] if not line.startswith(ALREADY_DONE)]


@pytest.mark.parametrize("way", WAYS)
def test_installs_and_runs(way: str, tmp_path: Path, local_environment: dict[str, str]) -> None:
    programs = f"{tmp_path / '.local/bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/bash", "-euc", "\n".join((*lines_of(way), FIRST_USE))],
        cwd=ROOT,
        env={**local_environment, "HOME": str(tmp_path), "PATH": programs, "UV_SYSTEM_CERTS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *_, program, answer = done.stdout.splitlines()
    assert Path(program).is_relative_to(tmp_path)
    assert answer == "42"
