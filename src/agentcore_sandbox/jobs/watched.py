"""A job as the commands see it: looked at, read, ended."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError
from agentcore_sandbox.jobs.store import EXITED, KILLED, LOST, RUNNING, Job, JobStore
from agentcore_sandbox.jobs.watcher import Snapshot, Watcher, killed_error
from agentcore_sandbox.sessions.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import CodeInterpreter


@dataclass
class Watched:
    """A job and the way to it.

    Attributes:
        store: Knows it.
        job: As last seen.
        interpreter: Of its session.
    """

    store: JobStore
    job: Job
    interpreter: CodeInterpreter

    def look(self) -> Job:
        """Ask once how it is; one that has ended is not asked again."""
        if self.job.state == RUNNING:
            try:
                self._note(self._watcher().poll((0, 0), 0))
            except SessionGoneError:
                self._lose()
        return self.job

    def collect(self, *, follow: bool) -> Iterator[None]:
        """Save the output that is not saved yet.

        Args:
            follow: Go on until the job has ended.

        Yields:
            Nothing, after each look.
        """
        watcher = self._watcher()
        while not self.job.saved and self.job.state != LOST:
            try:
                snapshot = self._save_new(watcher)
            except SessionGoneError:
                self._lose()
                return
            yield
            if not follow and snapshot.pause:
                break
            time.sleep(0 if snapshot.complete else snapshot.pause)
        if self.job.state != LOST:
            watcher.close()

    def stop(self) -> Job:
        """End its program."""
        if self.job.state == RUNNING:
            try:
                self._watcher().stop()
            except SessionGoneError:
                self._lose()
        return self.look()

    def discard(self) -> None:
        """Remove its files from the session."""
        self._watcher().discard()

    def status(self) -> int:
        """The exit status of a command that waited for it.

        Raises:
            AgentcoreSandboxError: `JobKilled`, `SessionGone`: it has none.
        """
        if self.job.state == KILLED:
            raise killed_error()
        if self.job.state == LOST:
            raise AgentcoreSandboxError("SessionGone", self.loss(), "job logs prints what had been saved")
        return self.job.exit_code or 0

    def loss(self) -> str:
        """What to say of a job whose session has ended."""
        return f"session {self.job.session_id} has ended, and job {self.job.job_id} with it"

    def _save_new(self, watcher: Watcher) -> Snapshot:
        with self.store.locked(self.job):
            snapshot = watcher.poll(self.store.offsets(self.job))
            self.store.append(self.job, snapshot.stdout, snapshot.stderr)
            self._note(snapshot)
        return snapshot

    def _note(self, snapshot: Snapshot) -> None:
        if snapshot.exit_code is not None or snapshot.killed:
            state = KILLED if snapshot.killed else EXITED
            saved = snapshot.complete and self.job.state != LOST and max(snapshot.unread) == 0
            self.job = self.store.save(replace(self.job, state=state, exit_code=snapshot.exit_code, saved=saved))

    def _lose(self) -> None:
        state = self.job.state if self.job.state == EXITED else LOST
        self.job = self.store.save(replace(self.job, state=state, saved=state == EXITED))

    def _watcher(self) -> Watcher:
        return Watcher(Workspace(self.interpreter, self.job.session_id), self.job.job_id)


def find(job_id: str, flags: settings.Flags, connect: Callable[[settings.Settings], CodeInterpreter]) -> Watched:
    """Find a job and connect to where it runs.

    Args:
        job_id: Its id.
        flags: Replace what was noted of where it runs.
        connect: Makes the client.

    Raises:
        UsageError: That is no job's id.
        AgentcoreSandboxError: `UnknownJob`, or no connection.
    """
    store = JobStore(os.environ)
    job = store.find(job_id)
    noted: dict[str, str | None] = {"interpreter_id": job.interpreter_id, "region": job.region}
    noted |= {"profile": job.profile, "endpoint_url": job.endpoint_url}
    given = {name: value for name, value in asdict(flags).items() if value}
    resolved = settings.resolve(settings.Flags(**{**noted, **given}), os.environ)
    return Watched(store, job, connect(resolved))
