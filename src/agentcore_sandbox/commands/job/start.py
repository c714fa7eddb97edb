"""Start a program as a job: it runs on when this command, and its terminal, have ended."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, SessionOverError
from agentcore_sandbox.execution import arguments as requests
from agentcore_sandbox.execution.attempt import Execution
from agentcore_sandbox.sessions.ephemeral import start, started
from agentcore_sandbox.sessions.named import SessionReference, check_id_or_name

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.jobs.store import JobRecord

_TITLE = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `job start`."""
    requests.add_program(parser)
    parser.add_argument("--session", metavar="SESSION", help="id or name; without it, a session of the job's own")
    options.add_lifetime(parser, default=options.MAX_LIFETIME)
    options.add_connection(parser)


def run(*, flags: settings.Flags, session: str | None, lifetime: int, as_json: bool, **request: Any) -> int:
    """Start a job and print its id.

    Args:
        flags: Where to run.
        session: Id or name of a session, None for one of its own.
        lifetime: Of a session that is started, in seconds.
        as_json: Print an object with the keys `jobId`, `sessionId` and `ownSession`.
        request: The arguments of `request.read_program`.
    """
    resolved = settings.resolve(flags, os.environ)
    if session is not None:
        check_id_or_name(session)
    program, environment = requests.read_program(**request)
    output = Output(as_json=as_json)
    task = Execution(program, environment, None, output)
    interpreter = connect(resolved)
    if session is None:
        job = _in_own_session(task, interpreter, resolved, lifetime)
    else:
        job = _in_session(task, SessionReference(interpreter, session, lifetime, output), resolved)
    _tell(output, job)
    return 0


def _in_own_session(
    task: Execution, interpreter: SessionClient, resolved: settings.Settings, lifetime: int
) -> JobRecord:
    with started(interpreter, task.output, lambda: start(interpreter, lifetime), kept=True) as session_id:
        return _start(task, interpreter, resolved, session_id, owns_session=True)


def _in_session(task: Execution, target: SessionReference, resolved: settings.Settings) -> JobRecord:
    session_id = target.session_id()
    try:
        return _start(task, target.interpreter, resolved, session_id, owns_session=False)
    except SessionGoneError as gone:
        if not target.is_named or gone.may_have_run:
            raise
    return _start(task, target.interpreter, resolved, target.renew(session_id), owns_session=False)


def _start(
    task: Execution, interpreter: SessionClient, resolved: settings.Settings, session_id: str, *, owns_session: bool
) -> JobRecord:
    from agentcore_sandbox.jobs.process import JobProcess
    from agentcore_sandbox.jobs.store import JobStore
    from agentcore_sandbox.sessions.workspace import Workspace

    store = JobStore(os.environ)
    # Recorded first: a program that runs and that nobody knows would be lost.
    job = store.save(_new_job(task, interpreter, resolved, session_id, owns_session=owns_session))
    try:
        script = task.program.script(task.environment_in(interpreter.region))
        task_id = JobProcess(Workspace(interpreter, session_id), job.job_id).start(script)
    except AgentcoreSandboxError as error:
        if owns_session or isinstance(error, SessionOverError) or not error.may_have_run:
            store.remove(job)  # it cannot run, or no longer
            raise
        hint = f"it may have been started, once: agentcore-sandbox job status {job.job_id}"
        raise AgentcoreSandboxError(error.code, error.message, hint) from error
    return store.save(replace(job, task_id=task_id))


def _new_job(
    task: Execution, interpreter: SessionClient, resolved: settings.Settings, session_id: str, *, owns_session: bool
) -> JobRecord:
    from agentcore_sandbox.jobs.process import new_id
    from agentcore_sandbox.jobs.store import JobRecord

    return JobRecord(
        job_id=new_id(),
        session_id=session_id,
        owns_session=owns_session,
        interpreter_id=resolved.interpreter_id,
        region=interpreter.region,
        profile=resolved.profile,
        endpoint_url=resolved.endpoint_url,
        title=task.program.text.strip().splitlines()[0][:_TITLE],
    )


def _tell(output: Output, job: JobRecord) -> None:
    if output.as_json:
        output.data({"jobId": job.job_id, "sessionId": job.session_id, "ownSession": job.owns_session})
        return
    output.say(f"agentcore-sandbox: it runs in session {job.session_id}; see: job logs -f {job.job_id}")
    output.line(job.job_id)
