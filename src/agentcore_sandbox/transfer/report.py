"""What a transfer reports: its progress, on a terminal, and what it has copied and left out."""

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
    """One file that was copied; `size` in bytes, `sha256` in hexadecimal."""

    source: str
    target: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, str | int]:
        """The object that `--json` shows."""
        return asdict(self)


@dataclass
class Report:
    """The files of a transfer in order; `skipped`: path -> why it was left out."""

    copied: list[Copied] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


@contextmanager
def progress_bar(label: str, total: int, *, quiet: bool) -> Iterator[Advance]:
    """Show the progress of a transfer on standard error if that is a terminal and `quiet` is not asked for.

    Args:
        label: What is shown beside it.
        total: Bytes, 0 if that is not known.
        quiet: Show nothing.

    Yields:
        A function that takes the number of bytes that have been moved since its last call.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _count: None
        return
    from tqdm import tqdm

    with tqdm(desc=label, total=total or None, unit="B", unit_scale=True, unit_divisor=1024, leave=False) as shown:
        yield shown.update
