"""The progress of a transfer: what is counted, and the bar that shows it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.transfer.report import Meter, _bar
from support.copies import ok

if TYPE_CHECKING:
    from support.processes import CommandLine

SIZE = 3_000_000
BARS = {  # moved, total, seconds, columns
    (0, 0, 0.1, 80): "upload 0B, 0B/s",
    (2048, 0, 2.0, 80): "upload 2.0K, 1.0K/s",
    (0, 100, 0.1, 80): f"upload [{' ' * 40}]   0% 0B of 100B, 0B/s",
    (50, 100, 2.0, 83): f"upload [{'#' * 20}{' ' * 20}]  50% 50B of 100B, 25B/s, 2s left",
    (50, 100, 2.0, 51): "upload [####    ]  50% 50B of 100B, 25B/s, 2s left",
    (50, 100, 2.0, 43): "upload  50% 50B of 100B, 25B/s, 2s left",
    (50, 100, 2.0, 33): "upload  50% 50B of 100B, 25B/s",
    (100, 100, 2.0, 80): f"upload [{'#' * 40}] 100% 100B of 100B, 50B/s",
}


@pytest.mark.parametrize(("state", "shown"), BARS.items(), ids=str)
def test_a_bar_fits_the_terminal(state: tuple[int, int, float, int], shown: str) -> None:
    assert _bar("upload", *state) == shown
    assert len(shown) < state[3]


def test_the_bytes_of_each_request_are_counted(local: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[tuple[int, int]] = []
    monkeypatch.setattr(Meter, "move", lambda _meter, part, count: moves.append((part, count)))
    (local.home / "file").write_bytes(os.urandom(SIZE))
    for paths in (("file", "work:"), ("work:file", "back")):
        moves.clear()
        ok(local, "cp", *paths)
        counts = [count for _, count in moves]
        assert {part for part, _ in moves} == {0}
        assert counts == sorted(counts)
        assert counts[-1] == SIZE
        assert len(set(counts)) > 20


def test_a_part_that_is_sent_again_begins_anew() -> None:
    meter = Meter()
    for part, count in ((0, 10), (1, 5), (0, 2), (1, 7)):
        meter.move(part, count)
    assert meter.moved == 9
