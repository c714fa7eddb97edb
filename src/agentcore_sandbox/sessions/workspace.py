"""A session's files as the service's tools give them: what any number of repetitions leaves the same.

So all of it is tried again when the connection breaks or the service throttles, other than an execution.
File contents never pass through the terminal of executeCommand, which changes them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shlex
import uuid
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import api
from agentcore_sandbox.aws import event_stream
from agentcore_sandbox.errors import AgentcoreSandboxError, LostAnswerError, TimeLimitError, UnexpectedAnswerError
from agentcore_sandbox.retry import retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentcore_sandbox.aws.event_stream import Result
    from agentcore_sandbox.aws.session_client import SessionClient

FOLDER = ".agentcore-sandbox"
"""Where this program keeps its own files in a session, below the work directory."""
MARK = b"\xff"
"""First byte of every part that comes back: no UTF-8 begins so, and readFiles sends what is no text unchanged."""
ATTEMPTS = 8  # in about half a minute
_FUTURE = "from __future__ import annotations\n"
_IMPORT = re.compile(r"^from agentcore_sandbox\.session_helpers\.(\w+) import .+\n", re.MULTILINE)
_LONGEST_ARGUMENT = 32_768
MOST_ITEMS = 1_000_000  # of an answer: of the 400,000 files that a helper lists, some are asked for twice
_MOST_PIECES = 200
_LONGEST_REPLY = 64 << 10  # characters; helpers print a quarter of it
_LONGEST_PIECE = 4 << 20  # twice what helpers write into a file
_LONGEST_TEXT = 2000


class Workspace:
    """The files of one session.

    Args:
        interpreter: The session's.
        session_id: The session.
        seconds: How long an answer may take until its request is sent again, as over a connection that has died
            silently; None for the service's limit, which large files may need.
    """

    def __init__(self, interpreter: SessionClient, session_id: str, *, seconds: float | None = None) -> None:
        self._interpreter = interpreter
        self._seconds = seconds
        self.session_id = session_id

    def answering_within(self, seconds: float) -> Workspace:
        """The same session's, for requests whose answers come soon or never."""
        return Workspace(self._interpreter, self.session_id, seconds=seconds)

    def write(self, path: str, data: bytes) -> None:
        """Write one file, its folders included.

        Args:
            path: Relative to the session's work directory.
            data: At most 70 MB, which base64 makes to the service's 100 MB.
        """
        self._tool(api.WRITE_FILES, {"content": [{"path": path, "blob": data}]})

    def read_part(self, path: str) -> bytes:
        """Read a file of at most 8 MB that begins with `MARK`, as helpers make it, and return the rest."""
        data = _content(self._tool(api.READ_FILES, {"paths": [path]}))
        if not data.startswith(MARK):
            raise _unexpected("a part of a file is not what was asked for")
        return data[len(MARK) :]

    def ask(self, helper: str, operation: str, **request: Any) -> Any:
        """Run one operation of a helper inside the session.

        Args:
            helper: Its module in the package `session_helpers`, such as `files`.
            operation: A key of its `OPERATIONS`.
            request: What the operation needs, as JSON. With `once=True` a repetition after a lost answer does not do it
                again, but waits for the first and answers the same.

        Returns:
            What it answered. It comes from the sandbox: untrusted.

        Raises:
            AgentcoreSandboxError: `SessionFile`: a file is missing, or cannot be read or written.
        """
        answer = f"{FOLDER}/answer-{uuid.uuid4().hex}"
        reply = self._reply(helper, {"operation": operation, "answer": answer, **request})
        if isinstance(reply.get("error"), dict):
            raise _file_error(reply["error"])
        return list(self._pieces(answer, reply["pieces"])) if "pieces" in reply else reply.get("answer")

    def ask_list(self, helper: str, operation: str, **request: Any) -> list[Any]:
        """As `ask`, for an operation that answers a list."""
        answer = self.ask(helper, operation, **request)
        if not isinstance(answer, list):
            raise _unexpected("the helper in the session did not answer a list")
        return answer

    def ask_each(self, helper: str, operation: str, paths: Sequence[str], **request: Any) -> list[Any]:
        """As `ask`, for an operation that answers something about each path."""
        answer = self.ask_list(helper, operation, paths=list(paths), **request)
        if len(answer) != len(paths):
            raise _unexpected("the helper in the session did not answer for each path")
        return answer

    def start(self, helper: str, operation: str, **request: Any) -> None:
        """Start one operation of a helper, which goes on by itself; a repetition of it must do no harm.

        Raises:
            AgentcoreSandboxError: What the service says.
        """
        command = helper_command(helper, {"operation": operation, **request})
        self._tool(api.START_COMMAND, {"command": command})

    def _reply(self, helper: str, request: Mapping[str, Any]) -> dict[str, Any]:
        argument, path = json.dumps(request), f"{FOLDER}/request-{uuid.uuid4().hex}"
        is_long = len(argument) > _LONGEST_ARGUMENT
        if is_long:
            self.write(path, argument.encode())
        outcome = self._tool(api.EXECUTE_COMMAND, {"command": _command(helper, f"@{path}" if is_long else argument)})
        if is_long:
            self._discard([path])
        reply = _parse(outcome.stdout, _LONGEST_REPLY)
        if not isinstance(reply, dict):
            raise _unexpected("the helper in the session answered something else")
        return reply

    def _pieces(self, answer: str, count: Any) -> Iterator[Any]:
        """The items of an answer that is too long for the terminal, from files; a bounded number of them."""
        if not isinstance(count, int) or not 0 < count <= _MOST_PIECES:
            raise _unexpected("the helper in the session answered something else")
        paths = [f"{answer}-{number}" for number in range(count)]
        found = 0
        for path in paths:
            data = _content(self._tool(api.READ_FILES, {"paths": [path]}))
            piece = _parse(data.decode(errors="replace"), _LONGEST_PIECE)
            if not isinstance(piece, list) or found + len(piece) > MOST_ITEMS:
                raise _unexpected(f"the session answers with more than {MOST_ITEMS} items, or none")
            found += len(piece)
            yield from piece
        self._discard(paths)

    def _discard(self, paths: Sequence[str]) -> None:
        """Remove files of ours. It may fail: a lost answer may have done it, and what is left is swept up."""
        with contextlib.suppress(AgentcoreSandboxError):
            self.invoke(api.REMOVE_FILES, {"paths": list(paths)})

    def invoke(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        """Call a tool once."""
        return event_stream.combine(self._interpreter.invoke(self.session_id, tool, arguments, seconds=self._seconds))

    def _tool(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        outcome = retry(
            lambda: event_stream.combine(self._repeatable(tool, arguments)),
            attempts=ATTEMPTS,
            is_transient=lambda error: getattr(error, "retryable", False),
        )
        if outcome.is_error:
            raise _tool_error(outcome)
        return outcome

    def _repeatable(self, tool: str, arguments: Mapping[str, Any]) -> Iterator[Result]:
        try:
            yield from self._interpreter.invoke(
                self.session_id, tool, arguments, seconds=self._seconds, if_lost="try again"
            )
        except TimeLimitError:
            message = f"no answer within {self._seconds:g} seconds"
            raise LostAnswerError("NoAnswer", message, "check the network, then try again") from None


def helper_command(module: str, request: Mapping[str, Any]) -> str:
    """The shell command that does a helper's operation.

    Args:
        module: Its name in the package `session_helpers`.
        request: The operation and what it needs, in all at most some 32 KB.
    """
    return _command(module, json.dumps(request))


def _command(module: str, argument: str) -> str:
    return shlex.join(["python3", "-I", "-c", source(module), argument])


@functools.cache
def source(module: str) -> str:
    """The source of a helper with its frame, ready for `python3 -c`; what it imports from another comes before it."""
    from importlib import resources  # takes as long as this module's other imports together, and many send no helper

    folder = resources.files("agentcore_sandbox").joinpath("session_helpers")
    text = folder.joinpath(f"{module}.py").read_text(encoding="utf-8")
    names = dict.fromkeys(("main", *_IMPORT.findall(text)))
    texts = [*(folder.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in names), _IMPORT.sub("", text)]
    body = "\n".join(text.replace(_FUTURE, "") for text in texts)
    return f"{_FUTURE}{body}\nreply(OPERATIONS)\n"


def _content(outcome: Result) -> bytes:
    """The bytes of the one file that readFiles was asked for; botocore has undone the base64."""
    for block in outcome.content:
        resource = block.get("resource")
        if block.get("type") == "resource" and isinstance(resource, dict):
            blob = resource.get("blob")
            return bytes(blob) if blob is not None else str(resource.get("text") or "").encode()
    raise _unexpected("readFiles answered without the file")


def _parse(text: str, limit: int) -> Any:
    """The JSON of the last line, which as Python's objects may take forty times the memory."""
    line = text.strip().rpartition("\n")[2]
    if len(line) > limit:
        raise _unexpected(f"the helper in the session answered with {len(line)} characters in one line")
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise _unexpected("the helper in the session did not answer") from None


def _unexpected(message: str) -> AgentcoreSandboxError:
    return UnexpectedAnswerError(message, "a program in the session may have changed it")


def _file_error(error: Mapping[str, Any]) -> AgentcoreSandboxError:
    path, text = (str(error.get(key) or "")[:_LONGEST_TEXT] for key in ("path", "text"))
    hint = "look at the session's files: agentcore-sandbox ls SESSION"
    return AgentcoreSandboxError(
        "SessionFile", f"in the session: {path}: {text}" if path else text or "it failed", hint
    )


def _tool_error(outcome: Result) -> AgentcoreSandboxError:
    text = (outcome.stderr or outcome.stdout).strip()[-500:] or "no message"
    if outcome.exit_code == 127:  # noqa: PLR2004 - what every shell says of a missing program
        hint = "files and jobs need a python3 in the session"
        return AgentcoreSandboxError("NoPython", f"the session has no python3: {text}", hint)
    return AgentcoreSandboxError("SessionFile", f"the session's tool failed: {text}", "try again, or look with ls")
