"""Zipapps under test, the launcher around them, and the Pythons of this machine."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_build.source_tree import ROOT, startup_files

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "linux-arm64" if platform.machine() == "aarch64" else "linux-amd64"
LAUNCHER = ROOT / "plugin-template" / "bin" / "agentcore-sandbox"
VERSION = b"agentcore-sandbox "  # what --version prints begins so


def install(zipapps: Mapping[str, Path], folder: Path, *platforms: str) -> Path:
    """Lay out the launcher and its zipapps as the plugin has them.

    Returns:
        The launcher.
    """
    (folder / "bin").mkdir(parents=True)
    shutil.copytree(LAUNCHER.parents[1] / "lib", folder / "lib")
    (folder / "lib" / "start.py").write_bytes(startup_files()["start.py"])
    (folder / "zipapps").mkdir()
    for name in platforms:
        shutil.copy(zipapps[name], folder / "zipapps")
    return Path(shutil.copy(LAUNCHER, folder / "bin"))


def find_python(version: str) -> Path | None:
    """A Python that PATH leads to, if need be behind a shim of pyenv."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    behind = [found for folder in folders if folder.name == "shims" for found in folder.parent.glob("versions/*/bin")]
    wanted = (folder / f"python{version}" for folder in (*behind, *folders) if folder.name != "shims")
    return next((path for path in wanted if path.is_file()), None)
