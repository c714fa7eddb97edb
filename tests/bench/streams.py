"""Large output: time, memory, and when the first of it is printed."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import loopback
from bench.processes import BrokenMeasurementError, milliseconds, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.processes import Sample
    from bench.stage import Stage

MEGABYTE = 1_000_000


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """20 MB in one result, and 100 MB in many."""
    yield from _streams(stage, runs, "20 MB of stdout in one result", 1, 20 * MEGABYTE)
    yield from _streams(stage, runs, "100 MB of stdout in 100 results", 100, MEGABYTE)


def _streams(stage: Stage, runs: int, name: str, count: int, size: int) -> Iterator[Figure]:
    total = count * size
    with loopback(results=count, result_bytes=size) as peer, loopback() as small:
        commands = {
            "ours": stage.ours("run", "x", env=peer.environment, size=total),
            "loop": stage.script("run.py", "x", env=peer.environment, size=total),
            "idle": stage.ours("run", "x", env=small.environment),
        }
        taken = rounds(commands, max(1, runs // 2))
    yield Figure(f"{name}, against a boto3 loop", "ms", milliseconds(taken["ours"]), milliseconds(taken["loop"]), 1.3)
    _require_own_peaks(taken["idle"])
    held = [(ours.peak - idle.peak) / MEGABYTE for ours, idle in zip(taken["ours"], taken["idle"], strict=True)]
    yield Figure(
        f"{name}: memory on top of a short run's, against the output", "MB", held, [total / 1e6] * len(held), 4
    )
    first, other = ([sample.first * 1000 for sample in taken[who]] for who in ("ours", "loop"))
    yield Figure(f"{name}: until the first byte, against a boto3 loop", "ms", first, other)


def _require_own_peaks(samples: list[Sample]) -> None:
    """The kernel counts a child's peak from that of its parent at the start: ours must be below all of them."""
    if min(sample.peak for sample in samples) <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024:
        raise BrokenMeasurementError("this process holds more memory than those it measures")
