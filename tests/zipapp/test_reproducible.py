"""The same source gives the same bytes, wherever and by whomever it is built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugin_build.source_tree import ROOT
from support import tables
from support.zipapps import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILD = "import os, runpy, sys; os.umask(0o027); runpy.run_module('plugin_build', run_name='__main__', alter_sys=True)"


def digests(dist: Path, zipapp: str) -> dict[str, str]:
    """Of what is built; the notices are in the zipapp."""
    files = [dist / "zipapps" / zipapp, dist / "sbom.cdx.json"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def copy_source(folder: Path) -> None:
    for name in ("src", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "LICENSE", folder)
    for path in (folder / "src").rglob("*"):
        os.utime(path, (1e9, 1e9))


@pytest.mark.parametrize("platform", tables.first(1, ["any", OWN]))
def test_another_folder_umask_time_zone_home_and_time(
    zipapps: Mapping[str, Path], tmp_path: Path, platform: str
) -> None:
    built = zipapps[platform]
    elsewhere = tmp_path / "an other plåce"
    copy_source(elsewhere)
    environment = {
        **{name: value for name, value in os.environ.items() if name.startswith(("UV_", "SSL_"))},
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "PYTHONPATH": str(elsewhere / "src"),
        "PYTHONHASHSEED": "1",
        "SOURCE_DATE_EPOCH": "1234567890",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "TMPDIR": str(elsewhere),
    }
    command = [sys.executable, "-c", BUILD, "build", platform]
    subprocess.run(command, cwd=elsewhere, env=environment, check=True, capture_output=True)
    assert digests(elsewhere / "dist", built.name) == digests(built.parents[1], built.name)
