"""The documents' ways to install without Claude Code work as they stand there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.build_folders import ROOT
from support.documents import page, shell_blocks
from support.processes import DEADLINE

README, EMULATOR = ("README.md", "## Install"), ("docs/emulator.md", "## Installing it")
BY_DAY = ((README, "dist/zipapps/"), (README, "uv tool install"), (EMULATOR, "uvx "))
BY_NIGHT = (
    *((README, way) for way in ("pipx install", "pip install -q .")),
    *((EMULATOR, way) for way in ("uv tool install", "pipx install", "install -q dist/packages/*.whl", ".tar.gz")),
)
WAYS = (*BY_DAY, *(pytest.param(*way, marks=pytest.mark.nightly) for way in BY_NIGHT))
ALREADY_DONE = ("python3 -m venv .venv ", ".venv/bin/nox ")  # by the nox session that runs this
FIRST_USE = "echo; command -v agentcore-sandbox; agentcore-sandbox run --interpreter-id local 'print(6 * 7)'"
INSTALLS_NOTHING = "uvx "


def lines_of(chapter: tuple[str, str], way: str) -> list[str]:
    """The block of a chapter that has the way in it, and the first use of what it installs."""
    blocks = [block for block in shell_blocks(page(*chapter)) if any(way in line for line in block)]
    assert len(blocks) == 1
    lines = [line for line in blocks[0] if not line.startswith(ALREADY_DONE)]
    return lines if way == INSTALLS_NOTHING else [*lines, FIRST_USE]


@pytest.mark.parametrize(("chapter", "way"), WAYS)
def test_installs_and_runs(
    chapter: tuple[str, str], way: str, tmp_path: Path, local_environment: dict[str, str]
) -> None:
    programs = f"{tmp_path / '.local/bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/bash", "-euc", "\n".join(lines_of(chapter, way))],
        cwd=ROOT,
        env={**local_environment, "HOME": str(tmp_path), "PATH": programs, "UV_SYSTEM_CERTS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *program, answer = done.stdout.splitlines()[-2:]
    assert all(Path(path).is_relative_to(tmp_path) for path in program)
    assert answer == "42"
