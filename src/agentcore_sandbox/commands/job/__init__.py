"""Jobs: programs that run on in a session when this command has ended, for up to 8 hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.aws.connect import connect

if TYPE_CHECKING:
    from agentcore_sandbox.jobs.job import Job
    from agentcore_sandbox.settings import Flags

SUBCOMMANDS = {
    "start": "start a program and print the job's id",
    "list": "list the jobs of this user, as last seen",
    "status": "look how a job is",
    "logs": "print a job's output; --follow goes on while it runs",
    "wait": "wait for a job's end and leave with its exit status",
    "stop": "end a job's program",
    "rm": "forget a job; its own session is stopped",
}


def find_job(job_id: str, flags: Flags) -> Job:
    """Find a job and connect to where it runs.

    Raises:
        AgentcoreSandboxError: There is no such job, or no way to it.
    """
    from agentcore_sandbox.jobs import job

    return job.find(job_id, flags, connect)
