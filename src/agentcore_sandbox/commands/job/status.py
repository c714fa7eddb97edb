"""Look how a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.commands import options
from agentcore_sandbox.commands.connection import connect
from agentcore_sandbox.output import Output

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
    from agentcore_sandbox.jobs import store
    from agentcore_sandbox.jobs.watched import HEADER, cells, described, find

    watched = find(job, flags, connect)
    seen = watched.look()
    if as_json:
        output.data(described(seen))
    else:
        output.table(HEADER, [cells(seen)])
        if seen.state == store.LOST:
            output.say(f"agentcore-sandbox: {watched.loss()}; job logs prints what had been saved")
    return 0
