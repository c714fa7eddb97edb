"""Maps that are killed, and resumed, until they are done; what their items did is counted outside of them."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from support.effects import counting
from support.local import local_line, logging_service

if TYPE_CHECKING:
    from pathlib import Path

    from support.effects import Effects
    from support.processes import CommandLine

MIXED = "lose=invoke:1@7 break=invoke:2@11 throttle=invoke:4@3 throttle=start:2 latency=invoke:0.05"
"""Faults."""


def check_killed(cli: CommandLine, folder: Path, *, kills: int, faults: str) -> None:
    """Kill a map so many times: each item has had its effect once, or is unknown, and no session is left."""
    local = local_line(cli, folder, CUSTOM_AGENTCORE_INTERPRETER_ID="local-public")
    count = 20 + 12 * kills
    (local.home / "items").write_text("".join(f"{number}\n" for number in range(count)))
    chance = random.Random(faults)  # noqa: S311 - which moments does not matter, that they are the same does
    with counting() as effects, logging_service(local, *faults.split()):
        words = ["--items", "items", "--sessions", "3", "--journal", "journal", effects.program(0.05)]
        for _ in range(kills):
            _kill(local, effects, words, chance)
            if (local.home / "journal/map.json").exists():
                words = ["--sessions", "3", "--resume", "journal"]
        done = local.run_process("map", *words)
        records: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
        assert [record["index"] for record in records] == list(range(count)), done.stderr
        statuses = Counter(record["status"] for record in records)
        assert set(statuses) <= {"done", "unknown"}, done.stderr
        assert max(effects.counted.values()) == 1
        assert all(effects.counted[str(r["index"])] == 1 for r in records if r["status"] == "done")
        assert statuses["unknown"] < count / 2
        assert json.loads(local.run("sessions", "--json").stdout)["sessions"] == []


def _kill(local: CommandLine, effects: Effects, words: list[str], chance: random.Random) -> None:
    """Kill a map once some more items have had their effect, or after a while, which may be before the first."""
    wanted = len(effects.counted) + chance.randint(0, 20)
    end = time.monotonic() + chance.choice((chance.uniform(0.3, 3), 60))
    process = local.start("map", *words, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(effects.counted) <= wanted and time.monotonic() < end:
        _wait(process)
    process.kill()
    process.communicate()


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(0.01)
    except subprocess.TimeoutExpired:
        return
