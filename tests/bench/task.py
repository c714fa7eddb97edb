"""A task of ten snippets, at latencies like those of AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import AWS_LIKE, loopback
from bench.processes import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage

SNIPPETS = 10
CODE = "print('hello')"


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Ten calls with one named session, against ten of a session each; mostly waiting, so a few rounds are enough."""
    named, single = [], []
    with loopback(**AWS_LIKE) as peer:
        for number in range(max(1, runs // 5)):
            session = ("--session", f"task{number}")
            named.append(_seconds(stage, peer.environment, *session))
            single.append(_seconds(stage, peer.environment))
    yield Figure("ten snippets in a named session, against ten runs", "s", named, single, 0.35)


def _seconds(stage: Stage, env: dict[str, str], *flags: str) -> float:
    command = stage.ours("run", *flags, CODE, env=env, output=b"hello")
    return sum(measure(command).seconds for _ in range(SNIPPETS))
