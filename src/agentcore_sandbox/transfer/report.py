"""What a transfer tells: how far it is, on a terminal, and what it has copied and left out."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Advance = Callable[[int], object]


@dataclass(frozen=True)
class Copied:
    """One file that was copied.

    Attributes:
        source: Where it came from.
        target: Where it is now.
        size: Bytes.
        sha256: Hexadecimal, the same on both sides.
    """

    source: str
    target: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, str | int]:
        """The object that `--json` shows."""
        return asdict(self)


@dataclass
class Report:
    """All files of a transfer.

    Attributes:
        copied: In order.
        skipped: Path -> why it was left out.
    """

    copied: list[Copied] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


@contextmanager
def progress_bar(label: str, total: int, *, quiet: bool) -> Iterator[Advance]:
    """Show how far a transfer is, on standard error where that is a terminal.

    Args:
        label: What is done.
        total: Bytes in all, 0 where that is not known.
        quiet: Show nothing even on a terminal.

    Yields:
        What is called with each number of bytes that has been moved.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _count: None
        return
    from tqdm import tqdm

    with tqdm(desc=label, total=total or None, unit="B", unit_scale=True, unit_divisor=1024, leave=False) as shown:
        yield shown.update
