"""Forget a job: its program is ended, its files and saved output are removed, a session of its own is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.commands.job import find_job
from agentcore_sandbox.errors import SessionGoneError
from agentcore_sandbox.sessions.ephemeral import stop

if TYPE_CHECKING:
    from agentcore_sandbox import settings
    from agentcore_sandbox.jobs.job import Job


add_arguments = options.add_job


def run(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Forget it.

    Args:
        flags: Replace what was noted of where it runs.
        job: Its id.
        as_json: Print an object with the key `removed`.
    """
    output = Output(as_json=as_json)
    found = find_job(job, flags)
    if found.record.owns_session:
        stop(found.interpreter, found.record.session_id, output)
    else:
        _clear(found)
    found.store.remove(found.record)
    if as_json:
        output.data({"removed": [job]})
    else:
        output.say(f"agentcore-sandbox: removed job {job}")
    return 0


def _clear(job: Job) -> None:
    try:
        job.stop()
        if not job.record.is_lost:
            job.discard()
    except SessionGoneError:
        return  # and so are its files
