"""List the jobs of this user; those that still ran when they were last seen are looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.commands.job import find_job
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from agentcore_sandbox.jobs.store import JobRecord

HEADER = ("JOB", "STATE", "EXIT", "STARTED", "SESSION", "PROGRAM")

add_arguments = options.add_json


def run(*, as_json: bool) -> int:
    """Print a table, or an object with the key `jobs`.

    Args:
        as_json: Print JSON.
    """
    output = Output(as_json=as_json)
    from agentcore_sandbox.jobs.store import JobStore

    jobs = [_refreshed(job, output) for job in JobStore(os.environ).all()]
    if as_json:
        output.data({"jobs": [job.as_json() for job in jobs]})
    elif jobs:
        output.table(HEADER, [job.cells() for job in jobs])
    else:
        output.say("no jobs")
    return 0


def _refreshed(job: JobRecord, output: Output) -> JobRecord:
    """The job as it is now, or as it was last seen where its session does not answer."""
    if not job.is_running:
        return job
    try:
        return find_job(job.job_id, settings.Flags()).refresh()
    except AgentcoreSandboxError as error:
        output.say(f"agentcore-sandbox: job {job.job_id} is shown as it was last seen: {error.message}")
        return job
