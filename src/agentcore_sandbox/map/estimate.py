"""What a map will take at least, and cost at most, before anything is started."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentcore_sandbox.map.options import Options

START_SECONDS = 1.4
INVOKE_SECONDS = 0.1
STOP_SECONDS = 0.17
"""Seen latencies: docs/service.md, Sessions."""
_INVOKES = 2  # to start a session's supervisor with its first items, and to ask it
_UPLOAD_INVOKES = 3  # to look, to send, and to unpack
_DOWNLOAD_INVOKES = 4  # of an item: to look, to pack, to read, to compare


def estimate(count: int, options: Options, *, uploads: int, downloads: int) -> dict[str, Any]:
    """Estimate a map over so many items.

    Args:
        count: How many items.
        options: How they run.
        uploads: How many `--upload`s each session gets.
        downloads: How many `--download`s each item has.

    Returns:
        `items`, `sessions`, `requestsAtLeast`, `secondsAtLeast` without the time that items take, `costAtMost` in US
        dollars, which `secondsOfItemAtMost` bounds, and `prices`.
    """
    sessions = count if options.fresh else min(options.sessions, math.ceil(count / options.parallel))
    invokes = sessions * (_INVOKES + _UPLOAD_INVOKES * uploads) + count * _DOWNLOAD_INVOKES * downloads
    longest = options.time_limit or float(options.lifetime)
    return {
        "items": count,
        "sessions": sessions,
        "requestsAtLeast": 2 * sessions + invokes,
        "secondsAtLeast": round(_least_seconds(sessions, invokes, options), 1),
        "secondsOfItemAtMost": longest,
        "costAtMost": round(_most_seconds(count, longest, options) * options.prices.session_second, 4),
        "prices": options.prices.as_json(),
    }


def _least_seconds(sessions: int, invokes: int, options: Options) -> float:
    """Until the last session is started, asked and stopped, each operation in its pace."""
    return max(sessions, invokes) / options.rate + START_SECONDS + INVOKE_SECONDS + STOP_SECONDS


def _most_seconds(count: int, longest: float, options: Options) -> float:
    """Of all sessions together. No schedule in which nobody idles while items wait takes longer than this.

    (R. L. Graham, Bounds on Multiprocessing Timing Anomalies, 1969: the work of all slots, and the longest item.)
    """
    sessions = min(options.sessions, count)
    attempts = count * (1 + options.retries)
    span = attempts * longest / (sessions * options.at_once) + longest
    overhead = _least_seconds(sessions, attempts, options)
    most = sessions * (span + overhead)
    return most if options.max_cost is None else min(most, options.max_cost / options.prices.session_second)


def sentences(estimated: dict[str, Any]) -> list[str]:
    """The estimate in words."""
    prices, longest = estimated["prices"], estimated["secondsOfItemAtMost"]
    return [
        f"{estimated['items']} items in {estimated['sessions']} sessions",
        f"at least {estimated['requestsAtLeast']} requests, and {estimated['secondsAtLeast']} s beside what items take",
        f"at most ${estimated['costAtMost']:.2f}: each item takes {longest:g} s (see --exec-timeout) at full load",
        f"assumed: ${prices['vcpuHour']:g} a vCPU hour, ${prices['gigabyteHour']:g} a GB hour",
        f"(the defaults are what third parties told in {prices['defaultsOf']})",
    ]
