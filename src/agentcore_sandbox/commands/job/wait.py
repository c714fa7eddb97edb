"""Wait for a job's end, save its output here, and leave with its exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.commands.job import find_job
from agentcore_sandbox.commands.job.logs import leaving_running

if TYPE_CHECKING:
    from agentcore_sandbox import settings

add_arguments = options.add_job


def run(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Wait.

    Args:
        flags: Replace what was noted of where it runs.
        job: Its id.
        as_json: Print an object with the keys of `job list`.
    """
    output = Output(as_json=as_json)
    found = find_job(job, flags)
    with leaving_running(found, output):
        for _ in found.save_output(follow=True):
            pass
    status = found.exit_status()
    if as_json:
        output.data(found.record.as_json())
    return status
