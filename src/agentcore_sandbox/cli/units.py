"""Sizes, numbers and times as people read them in text, and as programs read them in JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_STEP = 1024
_FEW = 10  # units of which tenths are shown


def size(count: float) -> str:
    """A number of bytes, rounded up as `ls -lh` does it: 512B, 1.5K, 23M."""
    units = iter("BKMGTPEZ")
    unit = next(units)
    while math.ceil(count) >= _STEP:
        count, unit = count / _STEP, next(units)
    tenths = math.ceil(count * 10)
    return f"{tenths / 10:.1f}{unit}" if unit != "B" and tenths < _FEW * 10 else f"{math.ceil(count)}{unit}"


def counted(number: int, noun: str) -> str:
    """A number of things: 1 file, 2 files."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A duration: 12s, 3m05s, 2h15m."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def local_time(moment: float | datetime) -> str:
    """A moment in this machine's time zone, to the minute; a number is in seconds since the epoch."""
    return f"{_moment(moment).astimezone():%Y-%m-%d %H:%M}"


def utc(moment: float | datetime) -> str:
    """A moment in ISO 8601 and UTC, to the second; a number is in seconds since the epoch."""
    return _moment(moment).isoformat(timespec="seconds")


def _moment(value: float | datetime) -> datetime:
    """A moment in UTC; the beginning of the epoch for one that no calendar has, here or in UTC."""
    from datetime import datetime, timezone

    try:
        moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, timezone.utc)
        moment.astimezone()
        return moment.astimezone(timezone.utc)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)
