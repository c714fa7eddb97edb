"""What was executed: a line for each program, without the values of its variables and without its output.

A map is one line, however many its items are: its journal has each of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentcore_sandbox import activity
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import AgentcoreSandboxError, masked
from agentcore_sandbox.state.log import Log, decoded_entry
from agentcore_sandbox.state.root import open_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from agentcore_sandbox.activity.sessions import Place

VARIABLE = "AGENTCORE_SANDBOX_HISTORY"
"""`off` keeps no history."""
CLAUDE_SESSION = "CLAUDE_CODE_SESSION_ID"
LOG = Log("executions.jsonl", 4 << 20, lambda _: ())
_LONGEST_LINE = 200
_LONGEST_ID = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Execution(NamedTuple):
    """One execution.

    Attributes:
        at: When it began, in seconds since the epoch.
        command: What has asked for it, such as `run`.
        language: Of the program; `command` for a shell's.
        sha256: Of the program's text, in UTF-8.
        line: Its first line, with what has the form of a credential masked.
        interpreter: As of a `Place`, and so is `region`.
        session: Where it ran; empty for a map.
        program_bytes: The size of the text.
        output_bytes: Of both output streams.
        status: The exit status; None where it ran on by itself.
        seconds: How long it took; None likewise.
        job: The id of the job that it is; empty for none.
        items: Of a map; None for none.
        claude_session: The session of Claude Code; empty outside of it.
        claude_prompt: The prompt in it, where that is known.
    """

    at: float
    command: str
    language: str
    sha256: str
    line: str
    interpreter: str
    region: str
    session: str
    program_bytes: int
    output_bytes: int = 0
    status: int | None = None
    seconds: float | None = None
    job: str = ""
    items: int | None = None
    claude_session: str = ""
    claude_prompt: str = ""


def is_on() -> bool:
    """Whether a history is kept."""
    return os.environ.get(VARIABLE, "").lower() not in ("off", "0", "no", "false")


def execution(text: str, language: str, place: Place, session: str) -> Execution:
    """An execution of a program that is about to begin."""
    data = text.encode()
    return Execution(
        at=time.time(),
        command=activity.command,
        language=language,
        sha256=hashlib.sha256(data).hexdigest(),
        line=masked(text.strip().partition("\n")[0][:_LONGEST_LINE]),
        interpreter=place.interpreter,
        region=place.region,
        session=session,
        program_bytes=len(data),
        claude_session=os.environ.get(CLAUDE_SESSION, "")[:_LONGEST_ID],
        claude_prompt=_prompt(os.environ),
    )


def _prompt(environ: Mapping[str, str]) -> str:
    """The prompt that Claude Code is at, where the plugin's hooks have kept it: see keep_prompt in lib/options.sh."""
    session, cache = environ.get(CLAUDE_SESSION, ""), environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME')}/.cache"
    if not _ID.fullmatch(session):
        return ""
    try:
        with os.fdopen(open_file(Path(cache, "agentcore-sandbox/prompts", session), os.O_RDONLY)) as file:
            prompt = file.read(_LONGEST_ID + 2).strip()
    except (OSError, ValueError):
        return ""
    return prompt if _ID.fullmatch(prompt) else ""


class Measured:
    """Measures a block.

    Attributes:
        status: The exit status, which the block sets; that of what ends it early.
        seconds: How long it took.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.seconds: float | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """End."""
        self.seconds = round(time.monotonic() - self._began, 3)
        if isinstance(error, (AgentcoreSandboxError, Interrupted)):
            self.status = error.status


def note(ended: Execution) -> None:
    """Write an execution down."""
    if is_on():
        LOG.note(ended._asdict())


def executions(since: float) -> list[Execution]:
    """Those that began after a time in seconds since the epoch, the oldest first.

    Raises:
        OSError: They cannot be read.
        AgentcoreSandboxError: There is no state folder, or an unsafe one.
    """
    found = (decoded_entry(Execution, entry) for entry in LOG.entries(older=True))
    return [execution for execution in found if execution and execution.at >= since]
