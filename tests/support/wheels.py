"""Wheels made on the spot, and a folder of them as the only place that uv and pip know: no test reaches an index."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NATIVE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str] | None = None,
    needs: Sequence[str] = (),
) -> Path:
    """Make a wheel; without `files` it has a module of its own name with VERSION in it."""
    module = {f"{name}.py": f"VERSION = {version!r}\nTAG = {tag!r}\n"}
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents = {
        **(module if files is None else files),
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {one}\n" for one in needs),
        f"{info}/WHEEL": _WHEEL.format(pure=str(tag.endswith("-any")).lower(), tag=tag),
    }
    record = "".join(f"{path},{_digest(text)},{len(text.encode())}\n" for path, text in contents.items())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(inside, text)
    return path


def _digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def sha256(path: Path) -> str:
    """As a requirements file has it."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def only_from(folder: Path, cache: Path) -> dict[str, str]:
    """Variables for which uv and pip take wheels of a folder only."""
    folder.mkdir(parents=True, exist_ok=True)
    (cache / "empty").mkdir()
    return {
        "UV_NO_CONFIG": "1",
        "UV_DEFAULT_INDEX": (cache / "empty").as_uri(),
        "UV_FIND_LINKS": str(folder),
        "UV_CACHE_DIR": str(cache / "uv"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CACHE_DIR": str(cache / "pip"),
    }


def uv_on_path(folder: Path) -> str:
    """A folder for PATH in which there is uv and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "uv").symlink_to(uv.find_uv_bin())
    return str(folder)


def python_with_pip() -> str | None:
    """A Python of this machine that has pip; None where there is none."""
    for python in (sys.executable, getattr(sys, "_base_executable", None), shutil.which("python3")):
        if python and os.system(f"{python} -c 'import pip' 2>{os.devnull}") == 0:  # noqa: S605 - paths of this machine
            return python
    return None
