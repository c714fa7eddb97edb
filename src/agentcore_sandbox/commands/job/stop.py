"""End a job's program: it is asked to end, and after five seconds killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.commands import options
from agentcore_sandbox.commands.connection import connect
from agentcore_sandbox.output import Output

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
    from agentcore_sandbox.jobs import store
    from agentcore_sandbox.jobs.watched import described, find

    seen = find(job, flags, connect).stop()
    if as_json:
        output.data(described(seen))
    else:
        output.line("job stopped" if seen.state == store.EXITED else f"job {seen.state}")
    return 0
