"""List the jobs of this user, as they were last seen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `job list`."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object on stdout")


def run(*, as_json: bool) -> int:
    """Print a table, or an object with the key `jobs`.

    Args:
        as_json: Print JSON.
    """
    output = Output(as_json=as_json)
    from agentcore_sandbox.jobs.store import JobStore
    from agentcore_sandbox.jobs.watched import HEADER, cells, described

    jobs = JobStore(os.environ).all()
    if as_json:
        output.data({"jobs": [described(job) for job in jobs]})
    elif jobs:
        output.table(HEADER, [cells(job) for job in jobs])
    else:
        output.say("no jobs")
    return 0
