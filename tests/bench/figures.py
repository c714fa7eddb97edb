"""One line of the table: a figure of ours, the yardstick beside it, and the limit that is set."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLUMNS = ("figure", "unit", "ours", "yardstick", "ratio", "limit", "runs")


@dataclass(frozen=True)
class Figure:
    """A measured figure.

    Attributes:
        name: What was measured, and after "against" the yardstick.
        unit: Of `ours` and `yardstick`.
        ours: One value a round.
        yardstick: The same of what a user would use instead, measured in the same rounds; empty where there is none.
        limit: The most that the ratio may be, or where there is no yardstick, the median; None where none is set.
    """

    name: str
    unit: str
    ours: Sequence[float]
    yardstick: Sequence[float] = ()
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios: what disturbs the machine for a while disturbs both sides of a round."""
        if not self.yardstick:
            return None
        return statistics.median(ours / other for ours, other in zip(self.ours, self.yardstick, strict=True))

    @property
    def holds(self) -> bool | None:
        """Whether the limit is kept; None where none is set."""
        if self.limit is None:
            return None
        return (statistics.median(self.ours) if self.ratio is None else self.ratio) <= self.limit

    def as_json(self) -> dict[str, Any]:
        """The figure as an object of dist/bench.json."""
        return {
            "figure": self.name,
            "unit": self.unit,
            **_spread("ours", self.ours),
            **_spread("yardstick", self.yardstick),
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "limit": self.limit,
            "runs": len(self.ours),
        }

    def as_row(self) -> list[str]:
        """The figure as a row of the table."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        limit = "" if self.limit is None else f"{self.limit:g}{'' if self.holds else ' missed'}"
        return [self.name, self.unit, _range(self.ours), _range(self.yardstick), ratio, limit, str(len(self.ours))]


def table(figures: Iterable[Figure]) -> list[str]:
    """The figures as the lines of a Markdown table."""
    rows = [list(COLUMNS), *(figure.as_row() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |".rstrip() for row in rows
    ]


def _spread(name: str, values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return dict.fromkeys((name, f"{name}_min", f"{name}_max"))
    middle, low, high = statistics.median(values), min(values), max(values)
    return {name: round(middle, 4), f"{name}_min": round(low, 4), f"{name}_max": round(high, 4)}


def _range(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle, low, high = (f"{value:.4g}" for value in (statistics.median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"
