"""Sizes and times as people and programs read them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.cli import units

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = {  # as `ls -lh` of GNU coreutils prints them, which leaves the B out
    0: "0B",
    1023: "1023B",
    1024: "1.0K",
    1025: "1.1K",
    9 * 1024 + 1: "9.1K",
    10 * 1024: "10K",
    10 * 1024 + 1: "11K",
    1023 * 1024: "1023K",
    1023 * 1024 + 1: "1.0M",
    3_000_000: "2.9M",
    1 << 30: "1.0G",
    1 << 62: "4.0E",
}
DURATIONS = {0: "0s", 59.4: "59s", 59.6: "1m00s", 185: "3m05s", 7_500: "2h05m", 90_000: "25h00m"}
MOMENT = datetime(2026, 11, 28, 23, 30, 15, 999999, timezone(timedelta(hours=-2)))


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("count", "text"), SIZES.items())
def test_sizes(count: int, text: str) -> None:
    assert units.size(count) == text


def test_one_thing_and_several() -> None:
    assert [units.counted(number, "file") for number in range(3)] == ["0 files", "1 file", "2 files"]


@pytest.mark.parametrize(("seconds", "text"), DURATIONS.items())
def test_durations(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.usefixtures("tokyo")
@pytest.mark.parametrize("moment", [MOMENT, MOMENT.timestamp(), MOMENT.astimezone(timezone.utc)])
def test_people_read_local_time_and_programs_read_utc(moment: float | datetime) -> None:
    assert units.local_time(moment) == "2026-11-29 10:30"
    assert units.utc(moment) == "2026-11-29T01:30:15+00:00"


EDGES = [
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
]


@pytest.mark.parametrize("moment", [1e18, -1e18, float("inf"), float("nan"), 253402300799, *EDGES], ids=str)
def test_a_time_that_no_calendar_has_is_shown_all_the_same(moment: float | datetime) -> None:
    assert units.utc(moment)[4] == units.local_time(moment)[4] == "-"
