"""A session's files as the service's tools give them: what any number of repetitions leaves the same.

So all of it is tried again when the connection breaks or the service throttles, other than an execution.
File contents never pass through the terminal of executeCommand, which changes them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import shlex
import uuid
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_sandbox import api
from agentcore_sandbox.aws import event_stream
from agentcore_sandbox.errors import AgentcoreSandboxError, LostAnswerError, TimeLimitError, UnexpectedAnswerError
from agentcore_sandbox.retry import retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from agentcore_sandbox.aws.event_stream import Result
    from agentcore_sandbox.aws.session_client import SessionClient

FOLDER = ".agentcore-sandbox"
"""Where this program keeps its own files in a session, below the work directory."""
MARK = b"\xff"
"""First byte of every part that comes back: no UTF-8 begins so, and readFiles sends what is no text unchanged."""
ATTEMPTS = 8
_FUTURE = "from __future__ import annotations\n"
_LONGEST_ARGUMENT = 32_768

T = TypeVar("T")


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
        """Read a file that begins with `MARK`, and return the rest.

        Args:
            path: Of a file of at most 8 MB, as a helper has made it.
        """
        outcome = self._tool(api.READ_FILES, {"paths": [path]})
        data = _content(outcome)
        if not data.startswith(MARK):
            raise _unexpected("a part of a file is not what was asked for")
        return data[len(MARK) :]

    def ask(self, module: str, operation: str, **request: Any) -> Any:
        """Run one operation of a helper inside the session.

        Args:
            module: Its name in the package `session_helpers`, such as `files`.
            operation: A key of its `OPERATIONS`.
            request: What the operation needs, as JSON. With `once=True` a repetition after a lost answer does not do it
                again, but waits for the first and answers the same.

        Returns:
            What it answered. It comes from the sandbox: untrusted.

        Raises:
            AgentcoreSandboxError: `SessionFile`: a file is missing, or cannot be read or written.
        """
        token = uuid.uuid4().hex
        body = {"operation": operation, "answer": f"{FOLDER}/answer-{token}", **request}
        argument = json.dumps(body)
        if len(argument) > _LONGEST_ARGUMENT:
            self.write(f"{FOLDER}/request-{token}", argument.encode())
            argument = f"@{FOLDER}/request-{token}"
        reply = self._reply(_command(module, argument))
        if argument.startswith("@"):
            self._discard(argument[1:])
        if isinstance(reply.get("error"), dict):
            raise _file_error(reply["error"])
        return reply.get("answer")

    def ask_each(self, module: str, operation: str, paths: Sequence[str], **request: Any) -> list[Any]:
        """Run an operation that answers something of each path; otherwise as `ask`."""
        answer = self.ask(module, operation, paths=list(paths), **request)
        if not isinstance(answer, list) or len(answer) != len(paths):
            raise _unexpected("the helper in the session did not answer for each path")
        return answer

    def _reply(self, command: str) -> dict[str, Any]:
        outcome = self._tool(api.EXECUTE_COMMAND, {"command": command})
        reply = _parse(outcome.stdout)
        if "file" not in reply:
            return reply
        path = str(reply["file"])
        text = _content(self._tool(api.READ_FILES, {"paths": [path]})).decode(errors="replace")
        self._discard(path)
        return _parse(text)

    def _discard(self, path: str) -> None:
        """Remove a file of ours. It may fail: a lost answer may have done it, and what is left is swept up."""
        with contextlib.suppress(AgentcoreSandboxError):
            self.invoke(api.REMOVE_FILES, {"paths": [path]})

    def invoke(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        """Call a tool once."""
        return event_stream.combine(self._interpreter.invoke(self.session_id, tool, arguments, seconds=self._seconds))

    def _tool(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        outcome = persistently(lambda: event_stream.combine(self._repeatable(tool, arguments)))
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


def persistently(call: Callable[[], T]) -> T:
    """Call something that may be repeated until it succeeds or fails for good, for about half a minute."""
    return retry(call, attempts=ATTEMPTS, is_transient=lambda error: getattr(error, "retryable", False))


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
    """The source of a helper with its frame, ready for `python3 -c`."""
    folder = resources.files("agentcore_sandbox").joinpath("session_helpers")
    texts = [folder.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in ("frame", module)]
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


def _parse(text: str) -> dict[str, Any]:
    lines = text.strip().splitlines()
    try:
        value = json.loads(lines[-1])
    except (IndexError, ValueError, RecursionError):
        raise _unexpected("the helper in the session did not answer") from None
    if not isinstance(value, dict):
        raise _unexpected("the helper in the session answered something else")
    return value


def _unexpected(message: str) -> AgentcoreSandboxError:
    return UnexpectedAnswerError(message, "what runs in the session may have changed it")


def _file_error(error: Mapping[str, Any]) -> AgentcoreSandboxError:
    path, text = str(error.get("path") or ""), str(error.get("text") or "it failed")
    hint = "look at the session's files: agentcore-sandbox ls SESSION"
    return AgentcoreSandboxError("SessionFile", f"in the session: {path}: {text}" if path else text, hint)


def _tool_error(outcome: Result) -> AgentcoreSandboxError:
    text = (outcome.stderr or outcome.stdout).strip()[-500:] or "no message"
    if outcome.exit_code == 127:  # noqa: PLR2004 - what every shell says of a missing program
        hint = "files and jobs need a python3 in the session"
        return AgentcoreSandboxError("NoPython", f"the session has no python3: {text}", hint)
    return AgentcoreSandboxError("SessionFile", f"the session's tool failed: {text}", "try again, or look with ls")
