"""Forget a job: its program is ended, its files and saved output are removed, a session of its own is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.aws.connect import find_job
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import SessionGoneError
from agentcore_sandbox.sessions.ephemeral import stop

if TYPE_CHECKING:
    from agentcore_sandbox import settings
    from agentcore_sandbox.jobs.watched import Watched


add_arguments = options.add_job


def run(*, flags: settings.Flags, job: str, as_json: bool) -> int:
    """Forget it.

    Args:
        flags: Replace what was noted of where it runs.
        job: Its id.
        as_json: Print an object with the key `removed`.
    """
    output = Output(as_json=as_json)
    watched = find_job(job, flags)
    if watched.job.own_session:
        stop(watched.interpreter, watched.job.session_id, output)
    else:
        _clear(watched)
    watched.store.remove(watched.job)
    if as_json:
        output.data({"removed": [job]})
    else:
        output.say(f"agentcore-sandbox: removed job {job}")
    return 0


def _clear(watched: Watched) -> None:
    try:
        watched.stop()
        if not watched.job.is_lost:
            watched.discard()
    except SessionGoneError:
        return  # and so are its files
