"""Jobs on this machine: where each one runs, what is known of it, and the output that has been read."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import MAX_LIFETIME
from agentcore_sandbox.cli.units import local_time, utc
from agentcore_sandbox.errors import AgentcoreSandboxError, UnreadableRecordError, UsageError
from agentcore_sandbox.near import suggestion
from agentcore_sandbox.sessions.named import is_session_id
from agentcore_sandbox.state.records import StateFolder
from agentcore_sandbox.state.root import root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

RUNNING, EXITED, KILLED, LOST = "running", "exited", "killed", "lost"
STATES = (RUNNING, EXITED, KILLED, LOST)
STREAMS = ("stdout", "stderr")
_MOST_SHOWN = 5

_ID = re.compile(r"[0-9a-f]{12}")
_NAME = re.compile(r"(?![0-9a-f]{1,12}$)[A-Za-z][A-Za-z0-9_.-]{0,63}")
_HINT = "list them with: agentcore-sandbox job list"


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
        title: The name of the program's file, or its first line.
        task_id: The service's id.
        started: Seconds since the epoch.
        state: As last seen: running, exited, killed without an exit status, or lost with its session.
        exit_code: Once it has exited.
        saved: All of its output is saved here.
        name: Empty for none.
    """

    FORMERLY = MappingProxyType({"owns_session": "own_session"})

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
    name: str = ""

    def __post_init__(self) -> None:
        is_named = not self.name or _NAME.fullmatch(self.name)  # a shell's completion reads it
        if not (_ID.fullmatch(self.job_id) and is_session_id(self.session_id) and self.state in STATES and is_named):
            raise ValueError(self)

    @property
    def is_running(self) -> bool:
        """Whether it was running when last seen."""
        return self.state == RUNNING

    @property
    def is_over(self) -> bool:
        """Whether its session must have ended, because none lives for so long; an hour is for clocks that differ."""
        return abs(time.time() - self.started) > MAX_LIFETIME + 3600

    @property
    def has_exited(self) -> bool:
        """Whether it ended with an exit status, of its own or by `job stop`."""
        return self.state == EXITED

    @property
    def is_lost(self) -> bool:
        """Whether its session ended before its exit status was known."""
        return self.state == LOST

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` shows."""
        return {
            "jobId": self.job_id,
            "sessionId": self.session_id,
            "ownSession": self.owns_session,
            "state": self.state,
            "exitCode": self.exit_code,
            "startedAt": utc(self.started),
            "title": self.title,
            "name": self.name,
        }

    def cells(self) -> tuple[str, ...]:
        """A row of a table: id, name, state, exit status, start, session, program."""
        status = "-" if self.exit_code is None else str(self.exit_code)
        return (
            self.job_id,
            self.name or "-",
            self.state,
            status,
            local_time(self.started),
            self.session_id,
            self.title,
        )


class JobStore:
    """The jobs of this user.

    Args:
        environ: Says where the state folder is.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._folder = StateFolder(root(environ) / "jobs")

    def all(self) -> tuple[list[JobRecord], list[UnreadableRecordError]]:
        """All jobs, the oldest first, and what is wrong with those whose record cannot be read."""
        found, unreadable = self._folder.read_all(JobRecord, _ID)
        return sorted(found, key=lambda record: record.started), unreadable

    def check_free(self, name: str) -> str:
        """Return a name that a new job may have.

        Raises:
            UsageError: It could be an id, or has other characters than a name.
            AgentcoreSandboxError: `NameTaken`: a job that runs has it.
        """
        if not _NAME.fullmatch(name):
            hint = "it has up to 64 letters, digits, '_', '.' and '-', begins with a letter and could not begin an id"
            raise UsageError(f"not a job's name: {name!r}", hint)
        for record in self.all()[0]:
            if record.name == name and record.is_running and not record.is_over:
                hint = f"choose another name, or end it: agentcore-sandbox job stop {name}"
                raise AgentcoreSandboxError("NameTaken", f"job {name!r} is running ({record.job_id})", hint)
        return name

    def id_of(self, word: str) -> str:
        """The id of the job that is meant by its id, the beginning of that, or its name, of which the newest counts.

        Raises:
            UsageError: It can be none of them, or several ids begin so.
            AgentcoreSandboxError: `UnknownJob`.
        """
        if _ID.fullmatch(word):
            return word
        records, unreadable = self.all()
        ids = [*(record.job_id for record in records), *(error.path.stem for error in unreadable)]
        named = {record.name: record.job_id for record in records if record.name}
        found = [named[word]] if word in named else [job_id for job_id in ids if word and job_id.startswith(word)]
        if len(found) > 1:
            raise UsageError(f"several jobs begin with {word!r}", f"there are {', '.join(found[:_MOST_SHOWN])}")
        if not found and not (_NAME.fullmatch(word) or re.fullmatch("[0-9a-f]{1,11}", word)):
            raise UsageError(f"not a job's id or name: {word!r}", _HINT)
        if not found:
            hint = f"{suggestion(word, [*named, *ids])}{_HINT}"
            raise AgentcoreSandboxError("UnknownJob", f"there is no job {word}", hint)
        return found[0]

    def find(self, job_id: str) -> JobRecord:
        """One job.

        Raises:
            UsageError: It cannot be an id.
            AgentcoreSandboxError: `UnknownJob`, or `UnreadableRecord`.
        """
        if not _ID.fullmatch(job_id):
            raise UsageError(f"not a job's id: {job_id!r}", _HINT)
        try:
            record = self._folder.read(job_id, JobRecord)
        except UnreadableRecordError as error:
            remedy = f"agentcore-sandbox job rm {job_id} removes it; agentcore-sandbox sessions lists its session"
            raise UnreadableRecordError(error.path, error.reason, is_newer=error.is_newer, hint=remedy) from None
        if record is None:
            raise AgentcoreSandboxError("UnknownJob", f"there is no job {job_id}", _HINT)
        return record

    def save(self, record: JobRecord) -> JobRecord:
        """Record what is known."""
        self._folder.write(record.job_id, record)
        return record

    def locked(self, record: JobRecord) -> AbstractContextManager[None]:
        """Let one process at a time add to the saved output."""
        return self._folder.locked(record.job_id)

    def offsets(self, record: JobRecord) -> tuple[int, int]:
        """How many bytes of stdout and stderr are saved."""
        out, err = (self._folder.size(f"{record.job_id}.{name}") for name in STREAMS)
        return out, err

    def append(self, record: JobRecord, stdout: bytes, stderr: bytes) -> None:
        """Save output that has been read."""
        for name, data in zip(STREAMS, (stdout, stderr), strict=True):
            if data:
                self._folder.append(f"{record.job_id}.{name}", data)

    def saved(self, record: JobRecord, offsets: tuple[int, int] = (0, 0), limit: int = -1) -> tuple[bytes, bytes]:
        """The saved stdout and stderr from some bytes on."""
        out, err = (
            self._folder.read_file(f"{record.job_id}.{name}", offset, limit) or b""
            for name, offset in zip(STREAMS, offsets, strict=True)
        )
        return out, err

    def remove(self, job_id: str) -> None:
        """Forget a job with its output, also one whose record cannot be read."""
        self._folder.remove(job_id)
