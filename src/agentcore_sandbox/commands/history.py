"""Show what this user's command line has executed on this machine, and what its sessions have cost at most."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.activity import costs
from agentcore_sandbox.activity.costs import Prices, add_prices
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_json, time_span
from agentcore_sandbox.cli.units import local_time, utc

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from agentcore_sandbox.activity.history import Execution

HEADER = ("TIME", "COMMAND", "EXIT", "SECONDS", "PROGRAM")
WEEK = 7 * 24 * 3600.0
_WIDTH = 32  # of a program's first line, which has others beside it
EXAMPLES = (
    "agentcore-sandbox history --since 2h",
    "agentcore-sandbox history --json --since 30d",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `history`."""
    about = "how far back, such as 45m, 2h or 30d (default 7d)"
    parser.add_argument("--since", metavar="TIME", type=time_span, default=WEEK, help=about)
    add_prices(parser)
    add_json(parser)


def run(*, since: float, vcpu_hour_price: float, gb_hour_price: float, as_json: bool) -> int:
    """Print a table and the cost, or an object with the keys `executions` and `cost`."""
    from agentcore_sandbox.activity import history

    output, begin = Output(as_json=as_json), time.time() - since
    executions = history.executions(begin)
    cost = costs.at_most(begin, Prices(vcpu_hour_price, gb_hour_price))
    exits = _exits_of_jobs(executions)
    if as_json:
        output.data({"executions": [_described(execution, exits) for execution in executions], "cost": cost})
        return 0
    if executions:
        output.table(HEADER, [_cells(execution, exits) for execution in executions])
    output.say(_sentence(cost) if executions or cost["sessions"] else "nothing was executed")
    return 0


def _exits_of_jobs(executions: Iterable[Execution]) -> dict[str, int | None]:
    """A job's id -> its exit status, as far as it was asked for."""
    if not any(execution.job for execution in executions):
        return {}
    from agentcore_sandbox.jobs.store import JobStore

    return {record.job_id: record.exit_code for record in JobStore(os.environ).all()[0]}


def _described(execution: Execution, exits: Mapping[str, int | None]) -> dict[str, Any]:
    return {
        "startedAt": utc(execution.at),
        "command": execution.command,
        "language": execution.language,
        "sha256": execution.sha256,
        "firstLine": execution.line,
        "interpreterId": execution.interpreter,
        "region": execution.region,
        "sessionId": execution.session or None,
        "exitCode": exits.get(execution.job, execution.status),
        "seconds": execution.seconds,
        "programBytes": execution.program_bytes,
        "outputBytes": execution.output_bytes,
        "jobId": execution.job or None,
        "items": execution.items,
        "claudeSession": execution.claude_session or None,
        "claudePrompt": execution.claude_prompt or None,
    }


def _cells(execution: Execution, exits: Mapping[str, int | None]) -> tuple[str, ...]:
    status, seconds = exits.get(execution.job, execution.status), execution.seconds
    times = ("-" if status is None else str(status), "-" if seconds is None else f"{seconds:.1f}")
    line = execution.line if len(execution.line) <= _WIDTH else f"{execution.line[: _WIDTH - 3]}..."
    return (local_time(execution.at), execution.command, *times, line)


def _sentence(cost: Mapping[str, Any]) -> str:
    prices, gone = cost["prices"], "" if cost["isComplete"] else "; the oldest are not written down any more"
    return (
        f"sessions on AWS: {cost['sessions']}, at most {cost['vcpuHours']:.2f} vCPU hours and "
        f"{cost['gigabyteHours']:.2f} GB hours, ${cost['costAtMost']:.2f} at ${prices['vcpuHour']} and "
        f"${prices['gigabyteHour']} an hour (the defaults are assumed, of {prices['defaultsOf']}){gone}"
    )
