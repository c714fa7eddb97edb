"""End a job's program: it is asked to end, and after five seconds killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.commands.job import find_job

if TYPE_CHECKING:
    from agentcore_sandbox import settings

add_arguments = options.add_job


def run(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """End it; its output stays.

    Args:
        flags: Replace what was noted of where it runs.
        job: Its id.
        as_json: Print an object with the keys of `job list`.
    """
    output = Output(as_json=as_json)
    found = find_job(job, flags)
    was_running = found.refresh().is_running
    seen = found.stop()
    if as_json:
        output.data(seen.as_json())
    elif seen.has_exited:
        output.line("job stopped" if was_running else f"job had exited already, with status {seen.exit_code}")
    else:
        output.line(f"job {seen.state}")
    return 0
