"""Files of 50 MB into a session and out of it, against plain calls that move the same bytes; and live output."""

from __future__ import annotations

import filecmp
import os
import subprocess
import time
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.peers import embedded
from bench.processes import BrokenMeasurementError, measure, milliseconds, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.stage import Stage

SIZE, PARTS = 50_000_000, 5
LINES = 10
TICKS = f"import time\nfor _ in range({LINES}): print(time.time(), flush=True); time.sleep(0.3)"


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Upload, download, and how late a line of `run --follow` is."""
    with (stage.folder / "sent").open("wb") as sent:
        sent.writelines(os.urandom(SIZE // 50) for _ in range(50))
    with embedded(stage) as service:
        session = measure(stage.ours("start", env=service.environment)).output.decode().strip()
        yield from _copies(stage, service.environment, session, max(1, runs // 2))
        for name in ("received", "received-plainly"):
            if not filecmp.cmp(stage.folder / "sent", stage.folder / name, shallow=False):
                raise BrokenMeasurementError(f"{name} is not what was sent")
        yield Figure("run --follow: a line is shown after", "s", _delays(stage, service.environment), limit=1.5)


def _copies(stage: Stage, env: Mapping[str, str], session: str, runs: int) -> Iterator[Figure]:
    sent, received, plainly = (str(stage.folder / name) for name in ("sent", "received", "received-plainly"))
    up = {
        "ours": stage.ours("cp", "--force", sent, f"{session}:ours", env=env),
        "plain": stage.script("upload.py", session, sent, "plain", env=env),
    }
    taken = {name: milliseconds(samples) for name, samples in rounds(up, runs).items()}
    yield Figure("50 MB up, against one plain writeFiles", "ms", taken["ours"], taken["plain"], 1.3)
    measure(stage.ours("exec", session, "--cmd", f"split -n {PARTS} -d -a 1 ours part", env=env))
    parts = [f"part{number}" for number in range(PARTS)]
    down = {
        "ours": stage.ours("cp", "--force", f"{session}:ours", received, env=env),
        "plain": stage.script("download.py", session, plainly, *parts, env=env),
    }
    taken = {name: milliseconds(samples) for name, samples in rounds(down, runs).items()}
    yield Figure(f"50 MB down, against {PARTS} plain readFiles", "ms", taken["ours"], taken["plain"], 2.0)


def _delays(stage: Stage, env: Mapping[str, str]) -> list[float]:
    """For each line of a program, how long after it was printed in the sandbox it is printed here."""
    command = stage.ours("run", "--follow", TICKS, env=env)
    with subprocess.Popen(command.words, env=command.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        delays = [time.time() - float(line) for line in process.stdout]
    if process.returncode or len(delays) != LINES:
        raise BrokenMeasurementError(f"run --follow: status {process.returncode}, {len(delays)} lines")
    return delays
