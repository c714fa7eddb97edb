"""`map` against what pacing and sessions allow, over a loopback service with AWS's latencies and limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import AWS_LIKE, paced
from bench.processes import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.processes import Sample
    from bench.stage import Stage

RATE = 30
PARALLEL = 2
CASES = ((1000, 1.0, 200), (10_000, 0.01, 50))
"""Items, seconds that each takes, sessions."""
MOST_CPU = 5.0  # milliseconds an item
MOST_MEMORY = 150.0  # MB with a thousand sessions
WITHIN = 1.25  # times the bound
LINEAR = 1.1


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Time, processor time, memory, growth."""
    few = max(1, runs // 2)
    for count, seconds, sessions in CASES:
        samples = [_map(stage, count, seconds, sessions) for _ in range(few)]
        bounds = [bound(count, seconds, sessions)] * few
        name = f"map: {count:,} items of {seconds:g} s over {sessions} sessions"
        yield Figure(f"{name}, against the bound of pace and sessions", "s", _seconds(samples), bounds, WITHIN)
        yield Figure(f"{name}: client's processor time an item", "ms", _cpu(samples, count), (), MOST_CPU)
    thousand = [_map(stage, 4000, 20.0, 1000)]
    memory = [sample.peak / 1e6 for sample in thousand]
    yield Figure("map: 4,000 items of 20 s over 1,000 sessions: memory", "MB", memory, (), MOST_MEMORY)
    small = [_map(stage, 100, 0.01, 10).cpu for _ in range(few)]
    large = [_map(stage, 10_000, 0.01, 10).cpu for _ in range(few)]
    name = "map: 10,000 items' processor time, against 100 times 100"
    yield Figure(name, "s", large, [100 * value for value in small], LINEAR)


def bound(count: int, seconds: float, sessions: int) -> float:
    """Seconds that no client can do with less: sessions come in pace, and each then has its share to do.

    With n of them, the last is there after n / rate, and works for count / n items; the best n is taken. A request to
    each is reckoned, and its stop; that a client's process must start is not.
    """
    return min(_with(count, seconds, number) for number in range(1, sessions + 1))


def _with(count: int, seconds: float, sessions: int) -> float:
    work = math.ceil(count / sessions / PARALLEL) * seconds
    return AWS_LIKE["start"] + sessions / RATE + AWS_LIKE["invoke"] + work + AWS_LIKE["stop"]


def _map(stage: Stage, count: int, seconds: float, sessions: int) -> Sample:
    items = stage.folder / "items"
    items.write_text(f"{seconds}\n" * count)
    with paced(**AWS_LIKE, rate=RATE, sessions=1000) as peer:
        words = ("map", "--items", str(items), "--sessions", str(sessions), "--journal", str(stage.folder / "journal"))
        try:
            return measure(stage.ours(*words, "x", env=peer.environment))
        finally:
            _remove(stage)


def _remove(stage: Stage) -> None:
    for path in (stage.folder / "journal").glob("*"):
        path.unlink()


def _seconds(samples: list[Sample]) -> list[float]:
    return [sample.seconds for sample in samples]


def _cpu(samples: list[Sample], count: int) -> list[float]:
    return [sample.cpu * 1000 / count for sample in samples]
