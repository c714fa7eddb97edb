"""Large output: time, memory, and when the first of it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import loopback
from bench.processes import milliseconds, peaks, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage

MEGABYTE = 1_000_000


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """20 MB in one result, and 30 MB in many: a response may have 32 MiB."""
    yield from _streams(stage, runs, "20 MB of stdout in one result", 1, 20 * MEGABYTE)
    yield from _streams(stage, runs, "30 MB of stdout in 30 results", 30, MEGABYTE)


def _streams(stage: Stage, runs: int, name: str, count: int, size: int) -> Iterator[Figure]:
    total = count * size
    with loopback(results=count, result_bytes=size) as peer, loopback() as small:
        commands = {
            "ours": stage.ours("run", "x", env=peer.environment, size=total),
            "loop": stage.script("run.py", "x", env=peer.environment, size=total),
            "held": stage.peak(stage.ours("run", "x", env=peer.environment)),
            "idle": stage.peak(stage.ours("run", "x", env=small.environment)),
        }
        taken = rounds(commands, max(1, runs // 2))
    yield Figure(f"{name}, against a boto3 loop", "ms", milliseconds(taken["ours"]), milliseconds(taken["loop"]), 1.3)
    held = [(ours - idle) / MEGABYTE for ours, idle in zip(peaks(taken["held"]), peaks(taken["idle"]), strict=True)]
    yield Figure(
        f"{name}: memory on top of a short run's, against the output", "MB", held, [total / 1e6] * len(held), 4
    )
    first, other = ([sample.first * 1000 for sample in taken[who]] for who in ("ours", "loop"))
    yield Figure(f"{name}: until the first byte, against a boto3 loop", "ms", first, other)
