"""What a transfer reports: its progress, on a terminal, and what it has copied and left out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from agentcore_sandbox.cli.status_line import STDERR, columns, shown
from agentcore_sandbox.cli.units import counted, duration, size

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORTEST_BAR, _LONGEST_BAR = 5, 40  # characters
_FRAME = 5  # characters: a space, the brackets, another, and the last column


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
    """The files of a transfer in order.

    Attributes:
        copied: The files.
        skipped: Path -> why it was left out.
        seconds: How long it took to move their contents.
    """

    copied: list[Copied] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def sentence(self) -> str:
        """What was copied, in words."""
        moved = sum(copied.size for copied in self.copied)
        count = counted(len(self.copied), "file")
        rate = f" in {self.seconds:.1f} s, {size(moved / self.seconds)}/s" if self.seconds else ""
        return f"copied {count}, {size(moved)}{rate}"


class Meter:
    """How many bytes of a transfer have been moved, counted for each part: one that is sent again begins anew."""

    def __init__(self) -> None:
        self._parts: dict[int, int] = {}
        self._started = self._ended = time.monotonic()

    @property
    def moved(self) -> int:
        """Bytes so far."""
        return sum(list(self._parts.values()))

    @property
    def seconds(self) -> float:
        """From the beginning until the newest part was moved."""
        return self._ended - self._started

    def move(self, part: int, count: int) -> None:
        """Note how many bytes of a part have been moved so far."""
        self._parts[part] = count
        self._ended = time.monotonic()

    @contextmanager
    def moving(self, part: int, size: int) -> Iterator[None]:
        """Count, by the bytes on the wire, a part of some bytes that the block moves in one request."""
        from agentcore_sandbox.aws import wire

        with wire.counting(lambda count: self.move(part, min(size, count * 3 // 4))):  # base64 makes four of three
            yield
        self.move(part, size)


@contextmanager
def progress_bar(label: str, total: int, *, quiet: bool) -> Iterator[Meter]:
    """Show the progress of a transfer until the block ends, on standard error if that is a terminal.

    Args:
        label: What is shown beside it.
        total: Bytes, 0 if that is not known.
        quiet: Show nothing.
    """
    meter = Meter()
    with shown(lambda seconds: _bar(label, meter.moved, total, seconds, columns(STDERR)), quiet=quiet):
        yield meter


def _bar(label: str, moved: int, total: int, seconds: float, width: int) -> str:
    rate = f"{size(moved)}/s" if seconds < 1 else f"{size(moved / seconds)}/s"
    if not total:
        return f"{label} {size(moved)}, {rate}"
    done = min(1.0, moved / total)
    left = f", {duration(seconds / done - seconds)} left" if 0 < done < 1 and seconds >= 1 else ""
    text = f"{done:4.0%} {size(moved)} of {size(total)}, {rate}"
    room = width - len(label) - len(text) - _FRAME
    left, room = (left, room - len(left)) if room >= len(left) else ("", room)
    bar = "#" * round(done * min(room, _LONGEST_BAR))
    frame = f"[{bar.ljust(min(room, _LONGEST_BAR))}] " if room >= _SHORTEST_BAR else ""
    return f"{label} {frame}{text}{left}"
