"""Maps under each fault, and killed at twenty moments."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.local import local_line, logging_service
from support.maps import MIXED, check_killed

if TYPE_CHECKING:
    from pathlib import Path

    from support.processes import CommandLine

COUNT = 24
FAULTS = {
    "gone while it may have run": ("lose=invoke:2@5", {"done", "unknown"}),
    "an answer that breaks": ("break=invoke:4@1", {"done"}),
    "an answer that fails": ("fail=invoke:4@1", {"done"}),
    "throttled": ("throttle=invoke:6 throttle=start:3 throttle=stop:2", {"done"}),
    "a start and a stop that fail": ("error=start:1@1 error=stop:1", {"done"}),
}


@pytest.mark.parametrize(("faults", "wanted"), FAULTS.values(), ids=FAULTS)
def test_faults(cli: CommandLine, tmp_path: Path, faults: str, wanted: set[str]) -> None:
    local = local_line(cli, tmp_path)
    with logging_service(local, *faults.split()):
        words = ("map", "--items", "-", "--sessions", "3", "--cmd", "sleep 0.1; echo $ITEM")
        done = local.run(*words, stdin="".join(f"{n}\n" for n in range(COUNT)).encode())
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [record["index"] for record in found] == list(range(COUNT)), done.stderr
        assert set(Counter(record["status"] for record in found)) <= wanted, done.stderr
        assert json.loads(local.run("sessions", "--json").stdout)["sessions"] == []


@pytest.mark.parametrize("faults", ["", MIXED], ids=["none", "mixed"])
def test_killed_at_twenty_moments(cli: CommandLine, tmp_path: Path, faults: str) -> None:
    check_killed(cli, tmp_path, kills=20, faults=faults)


def test_sessions_are_replaced_and_unknown_items_tried_again(cli: CommandLine, tmp_path: Path) -> None:
    local = local_line(cli, tmp_path)
    with logging_service(local, "lose=invoke:1@6"):
        words = ("map", "--items", "-", "--sessions", "2", "--timeout", "7", "--retry-unknown")
        done = local.run(*words, "--cmd", "sleep 0.5; echo $ITEM", stdin=b"x\n" * 48)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert {record["status"] for record in found} == {"done"}, done.stderr
        assert len({record["sessionId"] for record in found}) > 3
        assert any("it may have run" in why for record in found for why in record["retried"])
