"""Look how a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.commands.job import find_job
from agentcore_sandbox.commands.job.list import HEADER

if TYPE_CHECKING:
    from agentcore_sandbox import settings

add_arguments = options.add_job


def run(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Print the job's state.

    Args:
        flags: Replace what was noted of where it runs.
        job: Its id.
        as_json: Print an object with the keys of `job list`.
    """
    output = Output(as_json=as_json)
    found = find_job(job, flags)
    seen = found.refresh()
    if as_json:
        output.data(seen.as_json())
    else:
        output.table(HEADER, [seen.cells()])
        if seen.is_lost:
            output.say(f"agentcore-sandbox: {found.loss_message()}; job logs prints what had been saved")
    return 0
