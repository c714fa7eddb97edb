"""The tools: what each is called, takes, answers and does.

Names have at most nine characters: as `mcp__plugin_aws-bedrock-agentcore-codeinterpreter_sbx__NAME` the Messages API
takes 64 (https://github.com/anthropics/claude-code/issues/23149). The texts cost tokens in every conversation.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import MAX_INVOKE
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, TimeLimitError, UsageError
from agentcore_sandbox.mcp import arguments, host, results
from agentcore_sandbox.mcp.jsonrpc import INVALID_PARAMS, RpcError
from agentcore_sandbox.mcp.results import CallOutput
from agentcore_sandbox.mcp.session import CallSession
from agentcore_sandbox.policy.host_files import OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.mcp.server import Call
    from agentcore_sandbox.mcp.session import OwnSession
    from agentcore_sandbox.transfer.report import Report

    Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT, "minItems": 1}
SESSION: Schema = {"type": "string", "description": "Name; started if new, and kept"}
LANGUAGES = ("python", "javascript", "typescript", "shell")
PROGRAM: Mapping[str, Schema] = {
    "code": TEXT,
    "file": {"type": "string", "description": "Project file to run instead of code"},
    "language": {"type": "string", "enum": list(LANGUAGES)},
    "env": {"type": "object", "additionalProperties": TEXT},
    "session": SESSION,
}


@dataclass(frozen=True)
class Context:
    """What a tool works with.

    Attributes:
        call: The call.
        own: The connection's session and client.
        root: As in `host.roots`.
        output: Takes what is said beside the result.
    """

    call: Call
    own: OwnSession
    root: str | None
    output: CallOutput = field(default_factory=CallOutput)

    def files(self) -> host.CallFiles:
        """The host's files."""
        return host.CallFiles(self.call, host.roots(self.call, self.root), os.environ)

    def session(self, given: Mapping[str, Any]) -> CallSession:
        """The session that the arguments name, or the connection's own."""
        return CallSession(self.own, given.get("session"), self.call, self.output)


@dataclass(frozen=True)
class Tool:
    """A tool.

    Attributes:
        about: Its description.
        takes: Name -> schema of an argument.
        needs: The arguments that must be given.
        answers: Name -> schema of what is always in its result.
        run: Does it.
        reads_only: It changes nothing; `destroys`: it may replace or end something; `is_open`: it may reach anything.
    """

    about: str
    takes: Mapping[str, Schema]
    needs: tuple[str, ...]
    answers: Mapping[str, Schema]
    run: Callable[[Mapping[str, Any], Context], dict[str, Any]]
    reads_only: bool = False
    destroys: bool = False
    is_open: bool = False

    @property
    def input_schema(self) -> dict[str, Any]:
        """The schema of the arguments."""
        needs = {"required": list(self.needs)} if self.needs else {}
        return {"type": "object", "properties": self.takes, **needs, "additionalProperties": False}

    def described(self, name: str) -> dict[str, Any]:
        """As the specification describes a tool."""
        return {
            "name": name,
            "description": self.about,
            "inputSchema": self.input_schema,
            "outputSchema": {"type": "object", "properties": self.answers, "required": list(self.answers)},
            "annotations": {
                "readOnlyHint": self.reads_only,
                "destructiveHint": self.destroys,
                "openWorldHint": self.is_open,
            },
        }


class ToolTable:
    """The tools of one connection.

    Args:
        own: Its session and client.
        root: The folder that bounds the host's files; None for the client's roots.
    """

    def __init__(self, own: OwnSession, root: str | None) -> None:
        self._own = own
        self._root = root

    def listing(self) -> list[dict[str, Any]]:
        """All tools as the protocol describes them."""
        return [tool.described(name) for name, tool in TOOLS.items()]

    def call(self, name: str, given: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Do what a tool does; see `server.Tools`."""
        if name not in TOOLS:
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {name[:100]}")
        context = Context(call, self._own, self._root)
        try:
            arguments.check(given, TOOLS[name].input_schema)
            return TOOLS[name].run(given, context)
        except AgentcoreSandboxError as error:
            call.check()  # what the cancellation has made of its work is no failure
            if not isinstance(error, (UsageError, TimeLimitError, SessionGoneError)):
                self._own.forget_interpreter()
            return results.failure(error, _execution(context.output), context.output.notes)


def _run_code(given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    from agentcore_sandbox.execution.executor import Executor
    from agentcore_sandbox.execution.request import ExecutionRequest

    program, output = _program(given, context), context.output
    request = ExecutionRequest(program, given.get("timeout"), output)
    session = context.session(given)
    program.invocation(context.own.interpreter().region)  # one that is too long is refused before a session is started
    session_id = session.open()
    with context.call.ended_by(session.end):
        executor = Executor(request, context.own.interpreter(), session_id, keeps_session=True, renew=session.renew)
        executor.run()
    if output.error:
        raise _ended(output.error, session)
    return results.success(_execution(output), output.notes, results.found_in(output.results))


def _ended(error: AgentcoreSandboxError, session: CallSession) -> AgentcoreSandboxError:
    """The error of a program; one that ran into its limit is ended with its session, as nothing else ends it."""
    if not isinstance(error, TimeLimitError):
        return error
    session.end()
    hint = "its session was stopped, and the program with it: raise timeout"
    return TimeLimitError(error.code, error.message, hint)


def _execution(output: CallOutput) -> dict[str, Any]:
    names = ("stdout", "stderr", "exitCode", "executionTime", "sessionId")
    return {name: output.outcome[name] for name in names if output.outcome.get(name) is not None}


def _program(given: Mapping[str, Any], context: Context) -> Program:
    from agentcore_sandbox.execution import program

    file, language = given.get("file"), given.get("language")
    if (file is None) == ("code" not in given):
        raise UsageError("give either code or file")
    return program.read(
        code=given.get("code"),
        file=None if file is None else context.files().readable([file])[0],
        language=None if language == "shell" else language,
        command=language == "shell",
        runtime=None,
        env=[f"{name}={value}" for name, value in given.get("env", {}).items()],
    )


def _put_files(given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    from agentcore_sandbox.transfer.upload import Upload

    sources = context.files().readable(given["paths"])
    upload = Upload(sources, given.get("to", ""), force=True, quiet=True)
    upload.roots()  # a missing file is reported before a session is started
    return _copied(context.session(given).use(upload.run), context)


def _get_files(given: Mapping[str, Any], context: Context) -> dict[str, Any]:
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.download import Download

    target = context.files().arrival(given["paths"], given.get("to", f"{OUTPUT}/"))
    download = Download(given["paths"], target, hidden=False, quiet=True)
    workspace = Workspace(context.own.interpreter(), context.session(given).known_id())
    return _copied(download.run(workspace), context)


def _copied(report: Report, context: Context) -> dict[str, Any]:
    context.output.say_skipped(report.skipped)
    size = sum(copied.size for copied in report.copied)
    return results.success(
        {"files": results.names([copied.target for copied in report.copied]), "bytes": size}, context.output.notes
    )


_STREAMS: Mapping[str, Schema] = {"stdout": TEXT, "stderr": TEXT, "exitCode": {"type": "integer"}}
_COPIED: Mapping[str, Schema] = {"files": TEXTS, "bytes": {"type": "integer"}}
TOOLS: Mapping[str, Tool] = {
    "run_code": Tool(
        "Run code or a shell command in an isolated sandbox, away from this machine. Variables and files stay for the "
        "next call. Print what matters: long output is cut.",
        {
            **PROGRAM,
            "timeout": {"type": "number", "minimum": 0.1, "maximum": MAX_INVOKE, "description": "Seconds"},
        },
        (),
        _STREAMS,
        _run_code,
        destroys=True,
        is_open=True,
    ),
    "put_files": Tool(
        "Copy project files or folders into the sandbox.",
        {"paths": TEXTS, "to": {"type": "string", "description": "Folder there"}, "session": SESSION},
        ("paths",),
        _COPIED,
        _put_files,
        destroys=True,
    ),
    "get_files": Tool(
        f"Copy files out of the sandbox, to new names below {OUTPUT}/.",
        {"paths": TEXTS, "to": {"type": "string", "description": f"Such as {OUTPUT}/plots"}, "session": SESSION},
        ("paths",),
        _COPIED,
        _get_files,
    ),
}
