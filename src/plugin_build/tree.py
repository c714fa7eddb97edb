"""Copy folders so that the result depends on names and contents, not on umask, times or order on disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFT_OUT = frozenset({"__pycache__", ".DS_Store"})


def files_below(folder: Path) -> list[Path]:
    """Every file that ships from a folder, relative to it, in a fixed order.

    Raises:
        BuildError: The folder is missing, or holds a symbolic link (an install drops or follows it).
    """
    if not folder.is_dir():
        raise BuildError(f"{folder} is missing")
    found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if not LEFT_OUT & set(path.parts)]
    links = [str(path) for path in found if (folder / path).is_symlink()]
    if links:
        raise BuildError(f"{folder} holds symbolic links, which do not survive an install: {', '.join(links)}")
    return [path for path in found if (folder / path).is_file()]


def copy_file(source: Path, target: Path) -> None:
    """Copy contents and the run bit, nothing else."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def copy_tree(source: Path, target: Path) -> None:
    """Copy every file that ships from one folder into another, which may already exist."""
    for path in files_below(source):
        copy_file(source / path, target / path)


def swap_in(staged: Path, target: Path) -> None:
    """Give a finished folder its final name, so that nothing half built ever carries it."""
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
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".staging-") as scratch:
        staged = Path(scratch, target.name)
        staged.mkdir()
        yield staged
        swap_in(staged, target)
