"""The emulator, as boto3 sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import embedded, loopback
from bench.processes import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage

FIGURES = {  # of scripts/service.py -> its name and unit in the table
    "start": ("session start, one of eight after each other", "ms"),
    "next": ("session start, after a pause", "ms"),
    "round trip": ("executeCode round trip, against boto3 and a server that answers at once", "ms"),
    "executions": ("executions over 8 sessions, against boto3 and a server that answers at once", "1/s"),
    "sessions": ("sessions started and stopped", "1/s"),
    "memory": ("memory of a session", "MB"),
    "in": ("writeFiles, against boto3 and a server that answers at once", "MB/s"),
    "out": ("readFiles", "MB/s"),
}


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Latencies, rates and memory."""
    with embedded(stage) as service, loopback() as bare:
        command = stage.script("service.py", str(service.pid), bare.url, str(runs), env=service.environment)
        taken = json.loads(measure(command).output)
    for key, (name, unit) in FIGURES.items():
        yield Figure(f"emulator: {name}", unit, taken[key], taken.get(f"bare {key}", ()))
