"""Starts a program as a job."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agentcore_sandbox.activity import history
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, SessionOverError
from agentcore_sandbox.jobs.process import JobProcess, new_id
from agentcore_sandbox.jobs.store import JobRecord, JobStore
from agentcore_sandbox.sessions.workspace import Workspace

if TYPE_CHECKING:
    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.jobs.process import Script
    from agentcore_sandbox.packages.installer import PackageInstaller
    from agentcore_sandbox.sessions.reference import SessionReference
    from agentcore_sandbox.settings import Settings

_LONGEST_TITLE = 60


class Launcher:
    """Starts one program.

    Args:
        script: The program.
        resolved: Where it runs, which is recorded.
        interpreter: The same.
        installer: Of its packages; None where it has no use for any.
        name: Of the job, checked; empty for none.
        title: What lists call the program; None for its first line.
    """

    def __init__(
        self,
        script: Script,
        resolved: Settings,
        interpreter: SessionClient,
        installer: PackageInstaller | None = None,
        *,
        name: str = "",
        title: str | None = None,
    ) -> None:
        self._script = script
        self._installer = installer
        self._name = name
        self._title = title or script.text.strip().splitlines()[0]
        self._settings = resolved
        self._interpreter = interpreter

    def in_own_session(self, lifetime: int, output: Output) -> JobRecord:
        """Start it in a new session, which is stopped where that fails."""
        interpreter = self._interpreter
        start = interpreter.started(output, lambda: interpreter.start(lifetime=lifetime, stays=True), kept=True)
        with start as session_id:
            return self._launch(session_id, owns_session=True)

    def in_session(self, session: SessionReference) -> JobRecord:
        """Start it in a session; one that is gone is replaced where it has a name."""
        session_id = session.session_id()
        try:
            return self._launch(session_id)
        except SessionGoneError as gone:
            if not session.is_named or gone.may_have_run:
                raise
        return self._launch(session.renew(session_id))

    def _launch(self, session_id: str, *, owns_session: bool = False) -> JobRecord:
        store, workspace = JobStore(os.environ), Workspace(self._interpreter, session_id)
        script = self._script
        if self._installer:
            script = script._replace(environment=self._installer.install(workspace).environment(script.environment))
        # Written down first: a program that runs and that nobody knows would be lost.
        job = store.save(self._new_job(new_id(), session_id, owns_session=owns_session))
        try:
            task_id = JobProcess(workspace, job.job_id).start(script)
        except AgentcoreSandboxError as error:
            if owns_session or isinstance(error, SessionOverError) or not error.may_have_run:
                store.remove(job.job_id)  # it cannot run, or no longer
                raise
            hint = f"it may have been started, once: agentcore-sandbox job status {job.job_id}"
            raise AgentcoreSandboxError(error.code, error.message, hint) from error
        self._note(job)
        return store.save(replace(job, task_id=task_id))

    def _note(self, job: JobRecord) -> None:
        script = self._script
        begun = history.execution(script.text, script.language, self._interpreter.place(), job.session_id)
        history.note(begun._replace(job=job.job_id))

    def _new_job(self, job_id: str, session_id: str, *, owns_session: bool) -> JobRecord:
        return JobRecord(
            job_id=job_id,
            session_id=session_id,
            owns_session=owns_session,
            interpreter_id=self._settings.interpreter_id,
            region=self._interpreter.region,
            profile=self._settings.profile,
            endpoint_url=self._settings.endpoint_url,
            title=self._title[:_LONGEST_TITLE],
            name=self._name,
        )
