"""Build the zipapps and what accounts for them."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox import __version__
from plugin_build import archive, checksums, sbom, staging
from plugin_build.errors import BuildError
from plugin_build.platforms import PLATFORMS, Platform
from plugin_build.wheels import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

DIST = ROOT / "dist"


def build(platforms: Iterable[str] = tuple(PLATFORMS), dist: Path = DIST) -> list[Path]:
    """Build zipapps into `dist/zipapps/`, with SHA256SUMS, sbom.cdx.json and THIRD_PARTY_NOTICES beside the folder.

    Args:
        platforms: Names out of `PLATFORMS`.
        dist: The folder of all build results; made where it is missing.

    Returns:
        The zipapps, in the order of the platforms.

    Raises:
        BuildError: An unknown platform, a missing wheel, a zipapp over its size limit.
    """
    chosen = [_platform(name) for name in platforms]
    (dist / "zipapps").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zipapps") as work, ThreadPoolExecutor(os.cpu_count()) as pool:
        list(
            pool.map(lambda platform: _build_one(platform, Path(work, platform.name)), chosen)
        )  # raises what one raised
        # Moved when all are built: a build that fails leaves the last one whole.
        built = [_publish(Path(work, platform.name, platform.file_name), dist / "zipapps") for platform in chosen]
    _write_notices(dist)
    sbom.write(dist / "sbom.cdx.json", __version__)
    checksums.write(dist)
    return built


def _platform(name: str) -> Platform:
    if name not in PLATFORMS:
        raise BuildError(f"no platform {name!r}; there are {', '.join(PLATFORMS)}")
    return PLATFORMS[name]


def _build_one(platform: Platform, work: Path) -> None:
    staging.stage(platform, work / "site-packages")
    target = work / platform.file_name
    archive.build(work / "site-packages", target, __version__)
    if (size := target.stat().st_size) > platform.limit:
        raise BuildError(f"{platform.file_name} has {size:,} bytes, more than the {platform.limit:,} allowed")


def _publish(made: Path, folder: Path) -> Path:
    return Path(shutil.move(made, folder / made.name))


def _write_notices(dist: Path) -> None:
    """Take the longest of the zipapps' notices: what one platform ships, another ships a part of."""
    texts = []
    for path in (dist / "zipapps").glob("*.pyz"):
        with zipfile.ZipFile(path) as zipapp:
            texts.append(zipapp.read(f"site-packages/{staging.NOTICES}"))
    (dist / staging.NOTICES).write_bytes(max(texts, key=len))
