"""The tools: what each is called, takes, answers and does.

Names have at most nine characters: as `mcp__plugin_aws-bedrock-agentcore-codeinterpreter_sbx__NAME` the Messages API
takes 64 (https://github.com/anthropics/claude-code/issues/23149). The texts cost tokens in every conversation.
"""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import MAX_INVOKE, MAX_LIFETIME
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, TimeLimitError, UsageError
from agentcore_sandbox.map.options import MOST_SESSIONS
from agentcore_sandbox.mcp import arguments, operations, results
from agentcore_sandbox.mcp.jsonrpc import INVALID_PARAMS, RpcError
from agentcore_sandbox.policy.host_files import OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentcore_sandbox.mcp.operations import Context
    from agentcore_sandbox.mcp.server import Call
    from agentcore_sandbox.mcp.session import OwnSession

    Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
TEXTS: Schema = {"type": "array", "items": TEXT, "minItems": 1}
SESSION: Schema = {"type": "string", "description": "Name; started if new, and kept"}
MOST_ITEMS = 100_000
"""As `map.items` has it, which is loaded late."""
MAX_WAIT = 600
"""Seconds that one call waits for a job."""
LANGUAGES = ("python", "javascript", "typescript", "shell")
PROGRAM: Mapping[str, Schema] = {
    "code": TEXT,
    "file": {"type": "string", "description": "Project file to run instead of code"},
    "language": {"type": "string", "enum": list(LANGUAGES)},
    "env": {"type": "object", "additionalProperties": TEXT},
    "session": SESSION,
}


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
        return {"type": "object", "properties": self.takes, **needs}

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
        self._imports = threading.Thread(target=_import_what_calls_use, daemon=True)

    def listing(self) -> list[dict[str, Any]]:
        """All tools as the protocol describes them. A call is likely to follow, and waits for nothing then."""
        if self._imports.ident is None:
            self._imports.start()
        return [tool.described(name) for name, tool in TOOLS.items()]

    def call(self, name: str, given: Mapping[str, Any], call: Call) -> dict[str, Any]:
        """Do what a tool does; see `server.Tools`."""
        if name not in TOOLS:
            raise RpcError(INVALID_PARAMS, f"Unknown tool: {name[:100]}")
        if self._imports.ident is not None:
            self._imports.join()
        context = operations.Context(call, self._own, self._root)
        try:
            arguments.check(given, TOOLS[name].input_schema)
            return TOOLS[name].run(given, context)
        except AgentcoreSandboxError as error:
            call.check()  # what the cancellation has made of its work is no failure
            if not isinstance(error, (UsageError, TimeLimitError, SessionGoneError)):
                self._own.forget_interpreter()
            return results.failure(error, operations.execution(context.output), context.output.notes)


def _import_what_calls_use() -> None:
    for name in ("aws.session_client", "execution.executor"):
        importlib.import_module(f"agentcore_sandbox.{name}")


_STREAMS: Mapping[str, Schema] = {"stdout": TEXT, "stderr": TEXT, "exitCode": {"type": "integer"}, "interpreter": TEXT}
_COPIED: Mapping[str, Schema] = {"files": TEXTS, "bytes": {"type": "integer"}}
TOOLS: Mapping[str, Tool] = {
    "run_code": Tool(
        "Run code or a shell command in a sandbox away from this machine. Variables and files stay for the "
        "next call. Long output is cut.",
        {
            **PROGRAM,
            "timeout": {"type": "number", "minimum": 0.1, "maximum": MAX_INVOKE, "description": "Seconds"},
        },
        (),
        _STREAMS,
        operations.run_code,
        destroys=True,
        is_open=True,
    ),
    "put_files": Tool(
        "Copy project files or folders into the sandbox.",
        {"paths": TEXTS, "to": {"type": "string", "description": "Folder there"}, "session": TEXT},
        ("paths",),
        _COPIED,
        operations.put_files,
        destroys=True,
    ),
    "get_files": Tool(
        f"Copy files out of the sandbox, to new names below {OUTPUT}/.",
        {"paths": TEXTS, "to": {"type": "string", "description": f"Such as {OUTPUT}/plots"}, "session": TEXT},
        ("paths",),
        _COPIED,
        operations.get_files,
    ),
    "sessions": Tool(
        "List running sessions, and jobs.",
        {},
        (),
        {"sessions": OBJECTS, "jobs": OBJECTS},
        operations.list_sessions,
        reads_only=True,
    ),
    "stop": Tool(
        "Stop a session or a job; without arguments, the shared session: variables and files are lost.",
        {"session": TEXT, "job": TEXT},
        (),
        {"stopped": {"type": "array", "items": TEXT}},
        operations.stop,
        destroys=True,
    ),
    "job_start": Tool(
        "Start code that runs for up to 8 hours in a session of its own, or a named one. With items: once for each, in "
        "many sessions; it is the variable ITEM, its fields ITEM_NAME. Stop it when its files are not needed.",
        {
            **PROGRAM,
            "session": TEXT,
            "items": {"type": "array", "items": {}},
            "items_file": {"type": "string", "description": "Lines, .csv, .jsonl, a folder"},
            "sessions": {"type": "integer", "minimum": 1, "maximum": MOST_SESSIONS},
            "timeout": {"type": "number", "minimum": 0.1, "maximum": MAX_LIFETIME, "description": "Of an item"},
        },
        (),
        {"job": TEXT},
        operations.start_job,
        destroys=True,
        is_open=True,
    ),
    "job_read": Tool(
        "A job's state and the end of its output, or results of items.",
        {
            "job": TEXT,
            "wait": {"type": "number", "minimum": 0, "maximum": MAX_WAIT, "description": "Seconds, for its end"},
            "from": {"type": "integer", "minimum": 0, "maximum": MOST_ITEMS},
            "count": {"type": "integer", "minimum": 1, "maximum": 999},
        },
        ("job",),
        {"state": TEXT},
        operations.read_job,
        reads_only=True,
    ),
}
