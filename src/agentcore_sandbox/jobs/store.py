"""Jobs on this machine: where each one runs, what is known of it, and the output that has been read."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError
from agentcore_sandbox.sessions.state import StateFolder, root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

RUNNING, EXITED, KILLED, LOST = "running", "exited", "killed", "lost"
STREAMS = ("stdout", "stderr")
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class JobRecord:
    """What is known of a job.

    Attributes:
        job_id: Its id.
        session_id: The session that it runs in.
        owns_session: The session was started for it alone, and is stopped with it.
        interpreter_id: The session's interpreter.
        region: Its region.
        profile: The AWS profile, None for AWS's own rules.
        endpoint_url: The endpoint, None for AWS's or the emulator's own.
        title: The first line of the program.
        task_id: The service's id.
        started: Seconds since the epoch.
        state: As last seen: running, exited, killed without an exit status, or lost with its session.
        exit_code: The exit status of one that has ended.
        saved: All of its output is saved here.
    """

    job_id: str
    session_id: str
    owns_session: bool
    interpreter_id: str
    region: str
    profile: str | None
    endpoint_url: str | None
    title: str
    task_id: str = ""
    started: float = field(default_factory=time.time)
    state: str = RUNNING
    exit_code: int | None = None
    saved: bool = False

    @property
    def is_running(self) -> bool:
        """Whether it still ran when it was last seen."""
        return self.state == RUNNING

    @property
    def has_exited(self) -> bool:
        """Whether it ended with an exit status, of its own or by `job stop`."""
        return self.state == EXITED

    @property
    def is_lost(self) -> bool:
        """Whether it ended with its session, nobody knows how."""
        return self.state == LOST

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` shows."""
        return {
            "jobId": self.job_id,
            "sessionId": self.session_id,
            "ownSession": self.owns_session,
            "state": self.state,
            "exitCode": self.exit_code,
            "startedAt": datetime.fromtimestamp(self.started, timezone.utc).isoformat(timespec="seconds"),
            "title": self.title,
        }

    def cells(self) -> tuple[str, ...]:
        """A row of a table: id, state, exit status, start, session, program."""
        status = "-" if self.exit_code is None else str(self.exit_code)
        started = f"{datetime.fromtimestamp(self.started, timezone.utc):%Y-%m-%d %H:%M}"
        return (self.job_id, self.state, status, started, self.session_id, self.title)


class JobStore:
    """The jobs of this user.

    Args:
        environ: Says where the state folder is.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._folder = StateFolder(root(environ) / "jobs")

    def all(self) -> list[JobRecord]:
        """All jobs, the oldest first."""
        found = [self._read(key) for key in self._folder.keys()]  # noqa: SIM118 - a method of ours
        return sorted((job for job in found if job), key=lambda job: job.started)

    def find(self, job_id: str) -> JobRecord:
        """What is known of a job.

        Raises:
            UsageError: It cannot be an id.
            AgentcoreSandboxError: `UnknownJob`.
        """
        hint = "list them with: agentcore-sandbox job list"
        if not _ID.fullmatch(job_id):
            raise UsageError(f"not a job's id: {job_id!r}", hint)
        job = self._read(job_id)
        if job is None:
            raise AgentcoreSandboxError("UnknownJob", f"there is no job {job_id}", hint)
        return job

    def save(self, job: JobRecord) -> JobRecord:
        """Record what is known."""
        self._folder.write(job.job_id, asdict(job))
        return job

    def locked(self, job: JobRecord) -> AbstractContextManager[None]:
        """One process at a time adds to the saved output."""
        return self._folder.locked(job.job_id)

    def offsets(self, job: JobRecord) -> tuple[int, int]:
        """How many bytes of stdout and stderr are saved."""
        out, err = (self._size(job, name) for name in STREAMS)
        return out, err

    def append(self, job: JobRecord, stdout: bytes, stderr: bytes) -> None:
        """Save output that has been read."""
        for name, data in zip(STREAMS, (stdout, stderr), strict=True):
            if data:
                self._folder.append(f"{job.job_id}.{name}", data)

    def saved(self, job: JobRecord, offsets: tuple[int, int] = (0, 0), limit: int = -1) -> tuple[bytes, bytes]:
        """The saved stdout and stderr from some bytes on."""
        out, err = (self._tail(job, name, offset, limit) for name, offset in zip(STREAMS, offsets, strict=True))
        return out, err

    def remove(self, job: JobRecord) -> None:
        """Forget it with its output."""
        self._folder.remove(job.job_id)

    def _read(self, key: str) -> JobRecord | None:
        record = self._folder.read(key) or {}
        if "own_session" in record:  # what version 0.1 calls it
            record["owns_session"] = record.pop("own_session")
        known = {member.name for member in fields(JobRecord)}
        return JobRecord(**record) if set(record) == known else None

    def _size(self, job: JobRecord, name: str) -> int:
        path = self._folder.file(job.job_id, name)
        return path.stat().st_size if path.exists() else 0

    def _tail(self, job: JobRecord, name: str, offset: int, limit: int) -> bytes:
        path = self._folder.file(job.job_id, name)
        if not path.exists():
            return b""
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
