"""A progress bar on a terminal, and nothing anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Advance = Callable[[int], object]


@contextmanager
def bar(label: str, total: int, *, quiet: bool) -> Iterator[Advance]:
    """Show how far a transfer is, on standard error.

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
