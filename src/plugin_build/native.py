"""Pack awscrt, the only native part for Python, so that it costs nothing until it is needed.

It goes into the zipapp as one archive: `agentcore_sandbox.aws.crt` unpacks it for the profiles that need
it. Packed together, the builds for Python 3.10 and for the stable ABI (3.11 and newer) are smaller than one alone in a
zip.
"""

from __future__ import annotations

import lzma
import shutil
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHONS = ("3.10", "3.11")  # awscrt has a wheel for 3.10 alone, and one for the stable ABI from 3.11 on
# A window as wide as one build of awscrt, so that the second is packed as its difference from the first.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 3, "dict_size": 32 * 1024 * 1024}]
_EPOCH = 315_532_800  # 1980-01-01, the start of time in a zip


def move_into(archive: Path, folders: list[Path]) -> None:
    """Move awscrt out of folders of installed wheels into one archive.

    Args:
        archive: The `.tar.xz` to write.
        folders: Installed wheels for each of `PYTHONS`; they share their Python files.
    """
    members = {path.relative_to(folder).as_posix(): path for folder in folders for path in _files(folder)}
    with lzma.open(archive, "wb", format=lzma.FORMAT_XZ, filters=_FILTERS) as packed:
        _write(packed, members)
    for folder in folders:
        shutil.rmtree(folder / "awscrt")
        for path in folder.glob("_awscrt*"):
            path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.glob("awscrt/**/*.py") if path.name != "_test.py")
    yield from (path for path in folder.glob("_awscrt*") if path.suffix in {".so", ".pyd"})


def _write(packed: lzma.LZMAFile, members: dict[str, Path]) -> None:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(members):
            content = members[name].read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), _EPOCH, 0o644
            with members[name].open("rb") as file:
                tar.addfile(entry, file)
