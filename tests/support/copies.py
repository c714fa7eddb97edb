"""What the tests of copied files share."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from support.processes import CommandLine


def ok(line: CommandLine, *words: str, stdin: bytes = b"") -> bytes:
    """Standard output of a command that must succeed."""
    done = line.run(*words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """All that is in a folder: path -> mode and content."""
    return {
        str(path.relative_to(folder)): (
            stat.S_IMODE(path.stat().st_mode),
            None if path.is_dir() else path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
    }
