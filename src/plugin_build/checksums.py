"""SHA256SUMS: what `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(dist: Path) -> None:
    """Write `SHA256SUMS` of the zipapps and what accounts for them.

    Args:
        dist: The folder of all build results.
    """
    files = [*sorted((dist / "zipapps").glob("*.pyz")), dist / "THIRD_PARTY_NOTICES", dist / "sbom.cdx.json"]
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(dist).as_posix()}\n" for path in files
    ]
    (dist / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
