"""A job as the commands see it: looked at, read, ended."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError
from agentcore_sandbox.jobs.process import JobProcess, Snapshot, killed_error
from agentcore_sandbox.jobs.store import EXITED, KILLED, LOST, RUNNING, JobRecord, JobStore
from agentcore_sandbox.sessions.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient


@dataclass
class Job:
    """A job and the way to it.

    Attributes:
        store: Knows it.
        record: What is known of it, as last seen.
        interpreter: Of its session.
    """

    store: JobStore
    record: JobRecord
    interpreter: SessionClient

    def refresh(self) -> JobRecord:
        """Ask once how it is; one that has ended is not asked again."""
        if self.record.state == RUNNING:
            try:
                self._record_snapshot(self._process().poll((0, 0), 0))
            except SessionGoneError:
                self._record_loss()
        return self.record

    def save_output(self, *, follow: bool) -> Iterator[None]:
        """Save the output that is not saved yet.

        Args:
            follow: Go on until the job has ended.

        Yields:
            Nothing, after each look.
        """
        process = self._process()
        while not self.record.saved and self.record.state != LOST:
            try:
                snapshot = self._save_new(process)
            except SessionGoneError:
                self._record_loss()
                return
            yield
            if not follow and snapshot.pause:
                break
            time.sleep(0 if snapshot.complete else snapshot.pause)
        if self.record.state != LOST:
            process.close()

    def stop(self) -> JobRecord:
        """End its program."""
        if self.record.state == RUNNING:
            try:
                self._process().stop()
            except SessionGoneError:
                self._record_loss()
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
        if self.record.state == LOST:
            raise AgentcoreSandboxError("SessionGone", self.loss_message(), "job logs prints what had been saved")
        return self.record.exit_code or 0

    def loss_message(self) -> str:
        """What to say of a job whose session has ended."""
        return f"session {self.record.session_id} has ended, and job {self.record.job_id} with it"

    def _save_new(self, process: JobProcess) -> Snapshot:
        with self.store.locked(self.record):
            snapshot = process.poll(self.store.offsets(self.record))
            self.store.append(self.record, snapshot.stdout, snapshot.stderr)
            self._record_snapshot(snapshot)
        return snapshot

    def _record_snapshot(self, snapshot: Snapshot) -> None:
        if snapshot.exit_code is not None or snapshot.killed:
            state = KILLED if snapshot.killed else EXITED
            saved = snapshot.complete and self.record.state != LOST and max(snapshot.unread) == 0
            self.record = self.store.save(replace(self.record, state=state, exit_code=snapshot.exit_code, saved=saved))

    def _record_loss(self) -> None:
        state = self.record.state if self.record.state == EXITED else LOST
        self.record = self.store.save(replace(self.record, state=state, saved=state == EXITED))

    def _process(self) -> JobProcess:
        return JobProcess(Workspace(self.interpreter, self.record.session_id), self.record.job_id)


def find(job_id: str, flags: settings.Flags, connect: Callable[[settings.Settings], SessionClient]) -> Job:
    """Find a job and connect to where it runs.

    Args:
        job_id: Its id.
        flags: Where to look for it; without an interpreter among them, what was noted of where it runs comes next.
        connect: Makes the client.

    Raises:
        UsageError: That is no job's id.
        AgentcoreSandboxError: `UnknownJob`, or no connection.
    """
    store = JobStore(os.environ)
    record = store.find(job_id)
    noted: dict[str, str | None] = {"interpreter_id": record.interpreter_id, "region": record.region}
    noted |= {"profile": record.profile, "endpoint_url": record.endpoint_url}
    if flags.interpreter_id:  # another place: nothing of the record says how to get there
        noted = {}
    given = {name: value for name, value in asdict(flags).items() if value}
    resolved = settings.resolve(settings.Flags(**{**noted, **given}), os.environ)
    return Job(store, record, connect(resolved))
