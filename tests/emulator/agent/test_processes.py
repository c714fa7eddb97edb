"""The end of all descendants, with real children of a Python of this test's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.processes import DEADLINE

PROGRAM = """
import os, subprocess
from agentcore_emulator.agent import processes

processes.adopt_orphans()
for line in {lines}:
    subprocess.Popen(["/bin/sh", "-c", line])
look, looks = processes.descendants, []

def misses(ancestor):
    looks.append(look(ancestor))
    return looks[-1] if len(looks) > {missed} else {seen}

processes.descendants = misses
processes.kill_descendants()
print(look(os.getpid()))
"""
CHILD, TREE, ORPHANS = "exec sleep 1000", "sleep 1000 & sleep 1000 & wait", "(sleep 1000 & sleep 1000 &) & exit"


@pytest.mark.parametrize("lines", [[CHILD], [TREE], [ORPHANS], [CHILD, TREE, ORPHANS]])
@pytest.mark.parametrize("seen", ["set()", "{min(looks[-1])}"], ids=["none", "one"])
@pytest.mark.parametrize("missed", [0, 1, 3])
def test_nothing_is_left_where_looks_at_the_processes_miss_some(
    base_environment: dict[str, str], lines: list[str], seen: str, missed: int
) -> None:
    program = PROGRAM.format(lines=lines, seen=seen, missed=missed)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env=base_environment,
    )
    assert ended.stdout + ended.stderr == "set()\n"
