"""A job's program in its session: started, read from any byte on, and ended."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox import api
from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError
from agentcore_sandbox.sessions.workspace import FOLDER, helper_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.standard_input import StandardInput

MOST_BYTES = 3 << 20  # of each stream at a time; both together are 8 MiB as base64
PAUSE_SECONDS = 0.3
LONGEST_PAUSE = 0.6  # a line a second is to be seen within one and a half
START_SECONDS = 60.0
ANSWER_SECONDS = 60.0  # a poll takes a fraction of one: whatever is silent for so long has been lost
HIGHEST_STATUS = 255
_LONGEST_TEXT = 500
_HELPER = "jobs"


class Script(NamedTuple):
    """A program as a file in the session; `interpreter` is the argument list that the file's path completes."""

    name: str
    text: str
    language: str
    interpreter: Sequence[str]
    environment: Mapping[str, str]
    stdin: StandardInput | None = None


@dataclass(frozen=True)
class Snapshot:
    """What a poll has found.

    Attributes:
        stdout: The bytes that follow those that were read before; `stderr` likewise.
        exit_code: The exit status, None while the program runs.
        complete: The program has ended, and there is no more output.
        killed: It has ended without an exit status.
        unread: How many bytes of stdout and stderr are left.
    """

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    complete: bool
    killed: bool
    unread: tuple[int, int]

    @property
    def pause(self) -> float:
        """Seconds to wait before the next poll."""
        if self.exit_code is not None or self.killed or max(len(self.stdout), len(self.stderr)) >= MOST_BYTES:
            return 0.0
        return PAUSE_SECONDS if self.stdout or self.stderr else LONGEST_PAUSE


def new_id() -> str:
    """An id for a job: 12 hexadecimal digits."""
    return secrets.token_hex(6)


class JobProcess:
    """A program that runs by itself in a session.

    Args:
        workspace: Of the session.
        job_id: As `new_id` gives it.
    """

    def __init__(self, workspace: Workspace, job_id: str) -> None:
        self._workspace = workspace
        self._polled = workspace.answering_within(ANSWER_SECONDS)
        self._folder = f"{FOLDER}/jobs/{job_id}"  # relative to the session's work directory
        self._delta = f"{FOLDER}/delta-{uuid.uuid4().hex}"
        self._created = time.monotonic()

    def start(self, script: Script) -> str:
        """Start a program. The request is sent once.

        Returns:
            The service's id of the task.

        Raises:
            AgentcoreSandboxError: `NotStarted`, or what the service says.
        """
        path = f"{self._folder}/{script.name}"
        stdin = script.stdin.send(self._workspace) if script.stdin else None
        self._workspace.write(f"{self._folder}/environment", json.dumps(dict(script.environment)).encode())
        self._workspace.write(path, script.text.encode())
        request = {
            "operation": "supervise",
            "folder": self._folder,
            "argv": [*script.interpreter, path],
            "stdin": stdin,
        }
        outcome = self._workspace.invoke(api.START_COMMAND, {"command": helper_command(_HELPER, request)})
        if outcome.is_error or not outcome.task_id:
            message = f"the job was not started: {(outcome.stderr or outcome.stdout)[-_LONGEST_TEXT:]}"
            raise AgentcoreSandboxError("NotStarted", message, "try again, or in another session")
        return outcome.task_id

    def poll(self, offsets: tuple[int, int], limit: int = MOST_BYTES) -> Snapshot:
        """Ask once how it is.

        Args:
            offsets: How many bytes of stdout and stderr have been read before.
            limit: Bytes of each stream; 0 only asks for the state.
        """
        answer = self._ask(offsets, limit)
        out, err = answer["lengths"]
        data = self._polled.read_part(self._delta) if out + err else b""
        if len(data) != out + err:
            raise _nonsense()
        rest = [
            size - offset - length for size, offset, length in zip(answer["sizes"], offsets, (out, err), strict=True)
        ]
        killed = answer["exit"] is None and self._was_killed(answer["alive"])
        complete = (killed or answer["exit"] is not None) and max(rest) <= 0
        return Snapshot(data[:out], data[out:], answer["exit"], complete, killed, (rest[0], rest[1]))

    def follow(self, offsets: tuple[int, int] = (0, 0)) -> Iterator[Snapshot]:
        """Yield snapshots until the program has ended and all output has been read; a lost answer is asked for again.

        Raises:
            AgentcoreSandboxError: `JobKilled`: it has ended without an exit status.
        """
        while True:
            snapshot = self.poll(offsets)
            offsets = (offsets[0] + len(snapshot.stdout), offsets[1] + len(snapshot.stderr))
            yield snapshot
            if snapshot.complete and snapshot.killed:
                raise killed_error()
            if snapshot.complete:
                return
            time.sleep(snapshot.pause)

    def stop(self) -> None:
        """End the program."""
        self._polled.ask(_HELPER, "stop", folder=self._folder)

    def close(self) -> None:
        """Remove what polling has left in the session."""
        self._polled.ask(_HELPER, "discard", path=self._delta)

    def discard(self) -> None:
        """Remove the job's files from the session."""
        self._polled.ask(_HELPER, "discard", path=self._folder)

    def _ask(self, offsets: tuple[int, int], limit: int) -> dict[str, Any]:
        answer = self._polled.ask(
            _HELPER, "poll", folder=self._folder, offsets=list(offsets), limit=limit, delta=self._delta
        )
        try:
            status = answer["exit"]
            lengths, sizes = [[int(number) for number in answer[key]] for key in ("lengths", "sizes")]
            if len(lengths) != 2 or len(sizes) != 2 or min(lengths) < 0 or max(lengths) > limit:  # noqa: PLR2004
                raise _nonsense()
            checked = None if status is None else max(0, min(int(status), HIGHEST_STATUS))
            return {"exit": checked, "alive": answer["alive"], "lengths": lengths, "sizes": sizes}
        except (KeyError, TypeError, ValueError, OverflowError):
            raise _nonsense() from None

    def _was_killed(self, alive: object) -> bool:
        is_overdue = alive is None and time.monotonic() - self._created > START_SECONDS
        # It may have ended between two looks of the helper's, so it is asked again.
        return (alive is False or is_overdue) and self._ask((0, 0), 0)["exit"] is None


def killed_error() -> AgentcoreSandboxError:
    """The error for a job that has ended without an exit status."""
    hint = "it and its supervisor were killed, perhaps for lack of memory"
    return AgentcoreSandboxError("JobKilled", "the job has ended without an exit status", hint)


def _nonsense() -> AgentcoreSandboxError:
    return UnexpectedAnswerError(
        "what the session says about the job makes no sense", "a program in the session may have changed it"
    )
