"""A job as the commands see it: its state, its output, its end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionOverError
from agentcore_sandbox.jobs.process import JobProcess, Snapshot, killed_error
from agentcore_sandbox.jobs.store import EXITED, KILLED, LOST, JobRecord, JobStore
from agentcore_sandbox.sessions.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient


@dataclass
class Job:
    """A job, and how to reach it, which is only done when it is needed.

    Attributes:
        store: Where its record and output are kept.
        record: What is known of it, as last seen.
        flags: Where to look for it; without an interpreter among them, the record comes next.
        connect: Makes the client.

    Attributes:
        lacks_output: Its session has ended, with output that was not read.
    """

    store: JobStore
    record: JobRecord
    flags: settings.Flags
    connect: Callable[[settings.Settings], SessionClient]
    lacks_output: bool = False

    @cached_property
    def interpreter(self) -> SessionClient:
        """A client of its interpreter.

        Raises:
            AgentcoreSandboxError: `EndpointNotNamed`, or no connection.
        """
        given = {name: value for name, value in self.flags._asdict().items() if value}
        if self.flags.interpreter_id:  # another place: nothing of the record says how to get there
            return self.connect(settings.resolve(self.flags, os.environ))
        record = self.record
        recorded = {"interpreter_id": record.interpreter_id, "region": record.region, "profile": record.profile}
        resolved = settings.resolve(settings.Flags(**{**recorded, **given}), os.environ)
        if record.endpoint_url and not resolved.endpoint_url and not resolved.is_local:
            # Whoever can write the record could have the session's token sent to an endpoint of their own.
            message = f"job {record.job_id} was started with an endpoint that only its record names"
            raise AgentcoreSandboxError("EndpointNotNamed", message, "add the --endpoint-url that you started it with")
        return self.connect(resolved)

    def refresh(self) -> JobRecord:
        """Ask for its state, unless it has ended."""
        if self.record.is_running:
            try:
                self._record_snapshot(self._process().poll((0, 0), 0))
            except SessionOverError:
                self.record_loss()
        return self.record

    def save_output(self, *, follow: bool) -> Iterator[None]:
        """Save the output that is not saved yet, with `follow` until the job has ended; yields after each poll."""
        if self.record.saved or self.lacks_output:
            return
        process = self._process()
        while not self.record.saved:
            try:
                snapshot = self._save_new(process)
            except SessionOverError:
                self.record_loss()
                return
            yield
            if not follow and snapshot.pause:
                break
            time.sleep(0 if snapshot.complete else snapshot.pause)
        if not self.record.is_lost:
            process.close()

    def stop(self) -> JobRecord:
        """End its program."""
        if self.record.is_running:
            try:
                self._process().stop()
            except SessionOverError:
                self.record_loss()
        return self.refresh()

    def discard(self) -> None:
        """Remove its files from the session."""
        self._process().discard()

    def exit_status(self) -> int:
        """The exit status of a command that waited for it.

        Raises:
            AgentcoreSandboxError: `JobKilled`, `SessionGone`: it has none.
        """
        if self.record.state == KILLED:
            raise killed_error()
        if self.record.is_lost:
            raise AgentcoreSandboxError("SessionGone", self.loss_message(), "job logs prints what had been saved")
        return self.record.exit_code or 0

    def loss_message(self) -> str:
        """What to say of a job whose session has ended."""
        session, job = self.record.session_id, self.record.job_id
        if self.record.has_exited:
            return f"session {session} has ended before all output of job {job} was read"
        return f"session {session} has ended, and job {job} with it"

    def _save_new(self, process: JobProcess) -> Snapshot:
        with self.store.locked(self.record):
            snapshot = process.poll(self.store.offsets(self.record))
            self.store.append(self.record, snapshot.stdout, snapshot.stderr)
            self._record_snapshot(snapshot)
        return snapshot

    def _record_snapshot(self, snapshot: Snapshot) -> None:
        if snapshot.exit_code is not None or snapshot.killed:
            state = KILLED if snapshot.killed else EXITED
            saved = snapshot.complete and not self.record.is_lost and max(snapshot.unread) == 0
            self.record = self.store.save(replace(self.record, state=state, exit_code=snapshot.exit_code, saved=saved))

    def record_loss(self) -> None:
        """Record that its session has ended, with what was not saved of it."""
        state = self.record.state if self.record.state == EXITED else LOST
        self.record = self.store.save(replace(self.record, state=state))
        self.lacks_output = True

    def _process(self) -> JobProcess:
        return JobProcess(Workspace(self.interpreter, self.record.session_id), self.record.job_id)


def find(job_id: str, flags: settings.Flags, connect: Callable[[settings.Settings], SessionClient]) -> Job:
    """Find a job.

    Args:
        job_id: Its id.
        flags: Where to look for it; without an interpreter among them, what was recorded of where it runs comes next.
        connect: Makes the client.

    Raises:
        UsageError: That is no job's id.
        AgentcoreSandboxError: `UnknownJob`, or `UnreadableRecord`.
    """
    store = JobStore(os.environ)
    job = Job(store, store.find(job_id), flags, connect)
    if not job.record.saved and (job.record.is_over or job.record.is_lost):
        job.record_loss()
    return job
