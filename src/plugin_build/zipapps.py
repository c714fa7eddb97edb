"""Build the zipapps: shiv makes each from a staged folder, and it is written anew so that every machine makes the same.

Beside them go SHA256SUMS, the bill of materials, and the notices of what is not ours.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_build import staging, third_party
from plugin_build.source_tree import BuildError, Project, startup_files, write_checksums, write_zip
from plugin_build.startup import start

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

ENTRY_POINT = "agentcore_sandbox.__main__:main"
DIST = Project().dist
# Any Python 3, and 2, must be able to read this.
_MAIN = """\
import sys

if sys.version_info < (3, 10):
    sys.stderr.write(
        "error[PythonTooOld]: agentcore-sandbox needs Python 3.10 or newer and was started with %d.%d (%s); "
        "install one from https://www.python.org/downloads/ or set AGENTCORE_SANDBOX_PYTHON to its path\\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(125)

from _startup import start

start.main("{copy}")
"""


@dataclass(frozen=True)
class Platform:
    """A platform that a zipapp is built for.

    Args:
        name: What the launcher asks for, the last part of the file's name.
        target: The platform in uv's words; it selects the wheels and the markers. The wheels of bwrap need glibc 2.28:
            RHEL 8, Debian 10 and newer.
        lock: The lock file that holds the wheels.
        limit: The largest size allowed, in bytes.
    """

    name: str
    target: str
    lock: str = "login"
    limit: int = 6_500_000

    @property
    def file_name(self) -> str:
        """The zipapp's file name."""
        return f"agentcore-sandbox-{self.name}.pyz"


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform("linux-amd64", "x86_64-manylinux_2_28"),
        Platform("linux-arm64", "aarch64-manylinux_2_28"),
        Platform("darwin-universal", "aarch64-apple-darwin"),
        Platform("windows-amd64", "x86_64-pc-windows-msvc"),
        # Not Linux, so that no bwrap comes along; `staging` checks that every wheel is for any platform.
        Platform("any", "aarch64-apple-darwin", lock="runtime", limit=1_800_000),
    )
}


def build(platforms: Iterable[str] = tuple(PLATFORMS), dist: Path = DIST) -> list[Path]:
    """Build zipapps into `dist/zipapps/`, and what accounts for them into `dist/`.

    Args:
        platforms: Names out of `PLATFORMS`.
        dist: The folder of all build results; made where it is missing.

    Returns:
        The zipapps, in the order of the platforms.

    Raises:
        BuildError: An unknown platform, a missing wheel, a changed dependency, a zipapp over its size limit.
    """
    chosen = [_platform(name) for name in platforms]
    (dist / "zipapps").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zipapps") as work, ThreadPoolExecutor(os.cpu_count()) as pool:
        made = list(pool.map(lambda platform: _build_one(platform, Path(work, platform.name)), chosen))
        # Moved when all are built: a build that fails leaves the last one whole.
        built = [Path(shutil.move(path, dist / "zipapps" / path.name)) for path in made]
    _write_notices(dist)
    third_party.write_bill_of_materials(dist / "sbom.cdx.json", Project().version)
    write_checksums(dist)
    return built


def _platform(name: str) -> Platform:
    if name not in PLATFORMS:
        raise BuildError(f"no platform {name!r}; choose from {', '.join(PLATFORMS)}")
    return PLATFORMS[name]


def _build_one(platform: Platform, work: Path) -> Path:
    site_packages, target = work / "site-packages", work / platform.file_name
    staging.stage(platform.lock, platform.target, site_packages)
    _make_zipapp(site_packages, target)
    if (size := target.stat().st_size) > platform.limit:
        raise BuildError(f"{platform.file_name} has {size:,} bytes, more than the {platform.limit:,} allowed")
    return target


def _make_zipapp(site_packages: Path, target: Path) -> None:
    raw = target.with_suffix(".shiv")
    _run_shiv(site_packages, raw)
    with zipfile.ZipFile(raw) as source:
        files = {info.filename: (source.read(info), info.external_attr >> 16) for info in source.infolist()}
    raw.unlink()
    # The name of the unpacked copy: version, and hash of the contents.
    copy = f"{Project().version}-{json.loads(files['environment.json'][0])['build_id'][:16]}"
    files["__main__.py"] = (_MAIN.format(copy=copy).encode(), 0)
    files |= {f"_startup/{name}": (content, 0) for name, content in startup_files().items()}
    _write(target, files, start.LINE + copy.encode())


def _run_shiv(site_packages: Path, target: Path) -> None:
    options = ["--site-packages", str(site_packages), "--entry-point", ENTRY_POINT, "--reproducible"]
    command = [sys.executable, "-m", "shiv", *options, "--output-file", str(target)]
    # shiv takes its time stamps from this variable before its own --reproducible.
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"shiv could not build {target.name}:\n{done.stderr.strip() or done.stdout.strip()}")


def _write(target: Path, files: dict[str, tuple[bytes, int]], line: bytes) -> None:
    """Write the zip anew: shiv's own files carry the modes of its installation, and its own compression is weaker."""
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n" + line + b"\n")
        write_zip(file, files)
    target.chmod(0o755)


def _write_notices(dist: Path) -> None:
    """Take the longest of the zipapps' notices: what one platform ships, another ships a part of."""
    texts = []
    for path in (dist / "zipapps").glob("*.pyz"):
        with zipfile.ZipFile(path) as zipapp:
            texts.append(zipapp.read(f"site-packages/{staging.NOTICES}"))
    (dist / staging.NOTICES).write_bytes(max(texts, key=len))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line of `build`."""
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"{', '.join(PLATFORMS)}; all by default")
    parser.add_argument("--dist", type=Path, default=DIST, metavar="FOLDER", help="default: dist/")


def run(options: argparse.Namespace) -> str:
    """Build, and list each zipapp with its size."""
    built = build(options.platforms or tuple(PLATFORMS), options.dist)
    return "\n".join(f"{path.stat().st_size:>10,}  {path}" for path in built)
