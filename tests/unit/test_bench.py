"""The benchmark's arithmetic, that it fails where a measurement is broken, and the shape of the table."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from bench.figures import COLUMNS, Figure, table
from bench.processes import BrokenMeasurementError, Command, measure, rounds
from bench.readme import BLOCK, block, rewrite
from support.build_folders import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FIGURES = [
    Figure("ours, against theirs", "ms", [10, 30, 20], [20, 30, 80], 0.5),
    Figure("with a limit of its own", "s", [0.3], limit=0.4),
    Figure("over it", "s", [0.5], limit=0.4),
    Figure("for the record", "1/s", [800, 900]),
]


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    assert [figure.ratio for figure in FIGURES] == [0.5, None, None, None]
    assert [figure.holds for figure in FIGURES] == [True, True, False, None]


def test_json() -> None:
    spreads = {f"{side}_{end}" for side in ("ours", "yardstick") for end in ("min", "max")}
    for figure in FIGURES:
        assert set(figure.as_json()) == {*COLUMNS, *spreads}
    assert FIGURES[0].as_json() == {
        "figure": "ours, against theirs",
        "unit": "ms",
        "ours": 20,
        "ours_min": 10,
        "ours_max": 30,
        "yardstick": 30,
        "yardstick_min": 20,
        "yardstick_max": 80,
        "ratio": 0.5,
        "limit": 0.5,
        "runs": 3,
    }


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table() -> None:
    header, rule, *rows = map(cells, table(FIGURES))
    assert tuple(header) == COLUMNS
    assert {letter for cell in rule for letter in cell} == {"-"}
    assert rows[0] == ["ours, against theirs", "ms", "20 (10 to 30)", "30 (20 to 80)", "0.50", "0.5", "3"]
    assert rows[2] == ["over it", "s", "0.5", "", "", "0.4 missed", "1"]


def test_page_is_rewritten_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- figures -->\nold\n<!-- end -->\nafter\n")
    rewrite(page, FIGURES, ["agentcore-sandbox 1"])
    assert page.read_text() == (
        f"before\n<!-- figures -->\n{block(FIGURES, ['agentcore-sandbox 1'])}<!-- end -->\nafter\n"
    )
    page.write_text("no marker")
    with pytest.raises(ValueError, match="no block"):
        rewrite(page, FIGURES, [])


def test_the_pages_table_is_what_the_command_writes() -> None:
    found = BLOCK.search((ROOT / "docs/performance.md").read_text(encoding="utf-8"))
    assert found
    machine, table = found[0].split("\n\n")
    header, rule, *rows = table.splitlines()
    assert tuple(cells(header)) == COLUMNS
    assert set(rule) == set("| -")
    assert len({cells(row)[0] for row in rows}) == len(rows) > 20
    assert {len(cells(row)) for row in rows} == {len(COLUMNS)}
    assert "agentcore-sandbox 0" in machine
    assert " processors (" in machine


def command(code: str, output: bytes | None = None, size: int | None = None) -> Command:
    return Command((sys.executable, "-I", "-c", code), {"PATH": os.defpath}, output=output, size=size)


def test_a_process_is_measured() -> None:
    sample = measure(command("import os; b = bytearray(30_000_000); os.write(1, b'x' * 10)", b"x" * 10, 10))
    assert sample.output == b"x" * 10
    assert 0 < sample.first <= sample.seconds
    assert sample.cpu > 0
    assert sample.peak > 30_000_000


@pytest.mark.parametrize(
    "broken",
    [command("raise SystemExit(1)"), command("print('y')", b"x\n"), command("print('y')", size=3)],
    ids=["status", "output", "size"],
)
def test_a_broken_measurement_is_a_failure(broken: Command) -> None:
    with pytest.raises(BrokenMeasurementError):
        measure(broken)


def test_rounds() -> None:
    taken = rounds({"a": command("print('a')"), "b": command("print('b')")}, 2)
    assert {name: [sample.output for sample in samples] for name, samples in taken.items()} == {
        "a": [b"a\n"] * 2,
        "b": [b"b\n"] * 2,
    }
