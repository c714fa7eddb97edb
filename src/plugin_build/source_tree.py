"""The source tree: folders, version, JSON documents; copies and archives that depend on names and contents only."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.atomic_files import staging_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

ROOT = Path(__file__).resolve().parents[2]
VERSION_FILE = "src/agentcore_sandbox/__init__.py"
_VERSION_LINE = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.MULTILINE)
_NOT_COPIED = frozenset({"__pycache__", ".DS_Store"})
_CHECKED = ("zipapps/*.pyz", "THIRD_PARTY_NOTICES", "sbom.cdx.json", "*.mcpb", "server.json")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the start of time in a zip
_EXECUTABLE = 0o111

_FUTURE = "from __future__ import annotations\n"
_SHARED_IMPORT = "from agentcore_emulator.folder_privacy import WRITING, problem\n"


class BuildError(Exception):
    """The build cannot go on; the message says what happened and what to do next."""


@dataclass(frozen=True)
class Project:
    """A source tree.

    Attributes:
        root: The repository's top folder.
    """

    root: Path = ROOT

    @property
    def template(self) -> Path:
        """What the plugin is made from."""
        return self.root / "plugin-template"

    @property
    def dist(self) -> Path:
        """Everything that is built; never committed."""
        return self.root / "dist"

    @property
    def version(self) -> str:
        """The product's version.

        Raises:
            BuildError: The line that sets it is missing.
        """
        found = _VERSION_LINE.search(self.root.joinpath(VERSION_FILE).read_text("utf-8"))
        if not found:
            raise BuildError(f"{VERSION_FILE} sets no __version__")
        return found[1]

    def set_version(self, version: str) -> None:
        """Write the version into the source."""
        path = self.root / VERSION_FILE
        path.write_text(_VERSION_LINE.sub(f'__version__ = "{version}"', path.read_text("utf-8")), "utf-8")


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add the option for another source tree than this one."""
    parser.add_argument("--root", type=lambda path: Project(Path(path)), default=Project(), dest="project")


def startup_files() -> dict[str, bytes]:
    """What a zipapp runs before the command line, by file name; `start.py` ships in the plugin too.

    The check of a private folder that `start.py` shares with the rest is written into it, so that it imports nothing.
    """
    texts = {path.name: path.read_text("utf-8") for path in Path(__file__).with_name("startup").glob("*.py")}
    shared = (ROOT / "src/agentcore_emulator/folder_privacy.py").read_text("utf-8").partition(_FUTURE)[2]
    texts["start.py"] = texts["start.py"].replace(_SHARED_IMPORT, f"{shared.strip()}\n")
    return {name: text.encode() for name, text in texts.items()}


def read_object(path: Path) -> dict[str, Any]:
    """A file's JSON object.

    Raises:
        BuildError: The file cannot be read, is not JSON, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise BuildError(f"{path} is not a JSON object")
    return value


def write_object(path: Path, value: dict[str, Any]) -> None:
    """Write JSON the way people edit it: indented, unescaped, with a final newline."""
    write_file(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Write a file that everybody may read and nobody may execute, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)


def files_below(folder: Path) -> list[Path]:
    """Every file that ships from a folder, relative to it, in a fixed order.

    Raises:
        BuildError: The folder is missing, or holds a symbolic link (an install drops or follows it).
    """
    if not folder.is_dir():
        raise BuildError(f"{folder} is missing")
    found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if not _NOT_COPIED & set(path.parts)]
    if links := [str(path) for path in found if (folder / path).is_symlink()]:
        raise BuildError(f"{folder} holds symbolic links, which do not survive an install: {', '.join(links)}")
    return [path for path in found if (folder / path).is_file()]


def copy_file(source: Path, target: Path) -> None:
    """Copy the contents and the executable bit, nothing else."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def copy_tree(source: Path, target: Path) -> None:
    """Copy every file that ships from one folder into another, which may already exist."""
    for path in files_below(source):
        copy_file(source / path, target / path)


def write_zip(file: BinaryIO, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write a zip whose bytes depend on nothing but names, contents and executable bits.

    Args:
        file: Open for writing; what is in it stays in front.
        files: Name -> contents and mode.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            content, mode = files[name]
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is built: the modes count
            info.external_attr = (0o100755 if mode & _EXECUTABLE else 0o100644) << 16
            archive.writestr(info, content)


def sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_checksums(folder: Path) -> None:
    """Write what `sha256sum --check` reads: zipapps, and what accounts for them or is made of them, as far as there."""
    files = [path for pattern in _CHECKED for path in sorted(folder.glob(pattern))]
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    write_file(folder / "SHA256SUMS", "".join(lines).encode())


def swap_in(staged: Path, target: Path) -> None:
    """Rename a finished folder to its final name; what had that name before goes."""
    for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    retired = staged.with_name(f"{staged.name}.old")
    if target.exists():
        target.rename(retired)
    staged.rename(target)
    shutil.rmtree(retired, ignore_errors=True)


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside the target that takes the target's place at the end, if all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(target.parent) as scratch:
        staged = scratch.path / target.name
        staged.mkdir()
        yield staged
        swap_in(staged, target)
