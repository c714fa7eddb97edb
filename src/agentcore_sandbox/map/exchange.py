"""A session's items as its supervisor tells of them: `session_helpers/batches.py`. All that it says is untrusted."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import uuid
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import LostAnswerError, UnexpectedAnswerError
from agentcore_sandbox.map.options import MOST_OUTPUT
from agentcore_sandbox.sessions.workspace import FOLDER, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.jobs.process import Script

HELPER = "batches"
MOST_PACKED = 24_000
"""Characters of packed items that go along with one request; more would need one of their own."""
_MOST_BYTES = 20 << 20  # of an answer: 4 MiB, and the output of the last item, which may be six times as long in JSON
_SLACK = 30.0  # seconds that an answer may take longer than the session was asked to wait
_PATIENCE = 15.0  # seconds until a supervisor that was started must be there
_LONGEST_PROGRAM = 32_768
_LONGEST_TEXT = 200
_HIGHEST_STATUS = 255
_LONGEST_SECONDS = 28_800.0
_PARSING = threading.Lock()  # as objects, an answer may take forty times the memory: one at a time

Given = tuple[str, "Mapping[str, str]"]
"""An item's key and its variables."""


@dataclass(frozen=True)
class Outcome:
    """What has become of an item in a session.

    Attributes:
        key: The item's.
        exit_code: None unless its program has ended.
        stdout: What is kept of its output; `stderr` likewise.
        seconds: How long it took.
        omitted: Bytes of output that were left out.
        timed_out: It was ended by the limit on its time.
        returned: It was taken back, and has not run.
        error: Why its program could not be started.
    """

    key: str
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    omitted: int = 0
    timed_out: bool = False
    returned: bool = False
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """How the open items of a session are.

    Attributes:
        alive: The supervisor is there; otherwise nothing runs, and nothing will.
        outcomes: Of those that have ended or were taken back.
        missing: Keys of those that never came, and have not run.
        lost: Keys of those that may have run and have no outcome.
        waiting: How many have not been started.
        more: There are more outcomes.
    """

    alive: bool
    outcomes: Sequence[Outcome] = ()
    missing: Sequence[str] = ()
    lost: Sequence[str] = ()
    waiting: int = 0
    more: bool = False


@dataclass
class Exchange:
    """The supervisor of one session.

    Attributes:
        workspace: Of the session.
        map_id: Names the folder there.
        epoch: How often the map was begun or resumed: what an earlier process still has on its way comes too late.
        limit: Bytes of each output stream.
    """

    workspace: Workspace
    map_id: str
    epoch: int
    limit: int = MOST_OUTPUT
    _number: int = field(default=0, init=False)

    @property
    def _folder(self) -> str:
        return f"{FOLDER}/map-{self.map_id}"

    def start(self, script: Script, given: Sequence[Given], *, parallel: int, seconds: float | None) -> None:
        """Start the supervisor with its first items.

        Args:
            script: The program.
            given: The items.
            parallel: How many run at a time.
            seconds: How long each may take, None for no limit.
        """
        program = f"{self._folder}/{script.name}"
        text: str | None = script.text
        if len(script.text.encode()) > _LONGEST_PROGRAM:
            self.workspace.write(program, script.text.encode())
            text = None
        # The path is absolute in the session, because each item has a folder of its own.
        self.workspace.start(
            HELPER,
            "supervise",
            folder=self._folder,
            program=program,
            text=text,
            argv=list(script.interpreter),
            environment=dict(script.environment),
            parallel=parallel,
            seconds=seconds,
            batch=pack([list(item) for item in given]),
        )

    def ask(
        self,
        open_keys: Sequence[str],
        given: Sequence[Given] = (),
        *,
        recall: int = 0,
        wait: float = 0,
        enough: int | None = None,
    ) -> Answer:
        """Give items, and hear of all that are open. A repetition of it gives nothing twice.

        Args:
            open_keys: All keys of which no outcome is known, those given now included.
            given: New items.
            recall: How many of those that have not been started shall be taken back.
            wait: Seconds to wait for them to end.
            enough: How many of them must end for that; None for all.
        """
        self._number += 1
        number = [self.epoch, self._number]
        asked = {
            "number": number,
            "open": list(open_keys),
            "give": given,
            "recall": recall,
            "wait": wait,
            "enough": enough or len(open_keys),
        }
        file = f"{self._folder}/answer-{uuid.uuid4().hex}"
        workspace = self.workspace.answering_within(wait + _PATIENCE + _SLACK)
        request = {"folder": self._folder, "batch": pack(asked), "file": file, "limit": self.limit}
        packed = workspace.ask(HELPER, "exchange", patience=_PATIENCE, **request)
        with _PARSING:
            return read_answer(workspace.read_part(file) if packed is None else _decoded(packed), open_keys)


def pack(value: Any) -> str:
    """A value as short text that no shell changes."""
    return base64.b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode())).decode()


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _nonsense() from None


def read_answer(packed: bytes, open_keys: Sequence[str]) -> Answer:
    """Check an answer: it may tell of the session's own open items, of each one thing, and of nothing else.

    Raises:
        UnexpectedAnswerError: It makes no sense.
        LostAnswerError: It is one to an earlier request.
    """
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(packed, _MOST_BYTES)
        if not unpacker.eof:
            raise _nonsense()
        return _answer(json.loads(data), set(open_keys))
    except (zlib.error, AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise _nonsense() from None


def _answer(value: Any, open_keys: set[str]) -> Answer:
    if value.get("outdated"):
        raise LostAnswerError("NoAnswer", "the session has answered another request", "try again")
    outcomes = [_outcome(record) for record in value["records"]]
    missing, lost = [list(value[name]) for name in ("missing", "lost")]
    told = [*(outcome.key for outcome in outcomes), *missing, *lost]
    if len(set(told)) < len(told) or not set(told) <= open_keys:
        raise _nonsense()
    waiting = max(0, min(int(value["waiting"]), len(open_keys)))
    return Answer(value["alive"] is True, outcomes, missing, lost, waiting, bool(value["more"]))


def _outcome(record: Any) -> Outcome:
    key = record["key"]
    seconds = max(0.0, min(float(record.get("seconds", 0)), _LONGEST_SECONDS))
    if record.get("returned"):
        return Outcome(key, returned=True)
    if "error" in record:
        return Outcome(key, seconds=seconds, error=str(record["error"])[:_LONGEST_TEXT] or "it failed")
    stdout, stderr = record["stdout"], record["stderr"]
    if not isinstance(stdout, str) or not isinstance(stderr, str):
        raise _nonsense()
    return Outcome(
        key,
        exit_code=max(0, min(int(record["exit"]), _HIGHEST_STATUS)),
        stdout=stdout,
        stderr=stderr,
        seconds=seconds,
        omitted=max(0, int(record["stdoutCut"]) + int(record["stderrCut"])),
        timed_out=record.get("timedOut") is True,
    )


def _nonsense() -> UnexpectedAnswerError:
    return UnexpectedAnswerError(
        "what the session says about its items makes no sense", "a program in the session may have changed it"
    )
