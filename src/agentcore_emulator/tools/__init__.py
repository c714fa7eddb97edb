"""The nine tools of a session: arguments in, payload of the `result` event out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_emulator.agent_client import HungUpError, SandboxGoneError
from agentcore_emulator.tools import arguments, execution, files, result_payloads
from agentcore_emulator.tools.result_payloads import Payload, ToolError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from agentcore_emulator.sandbox import Sandbox

    Tool = Callable[..., Payload]

TOOLS: dict[str, Tool] = {
    "executeCode": execution.execute_code,
    "executeCommand": execution.execute_command,
    "readFiles": files.read_files,
    "listFiles": files.list_files,
    "removeFiles": files.remove_files,
    "writeFiles": files.write_files,
    "startCommandExecution": execution.start_command_execution,
    "getTask": execution.get_task,
    "stopTask": execution.stop_task,
}


def invoke(sandbox: Sandbox, name: str, given: Mapping[str, Any], cancelled: threading.Event) -> Payload:
    """Run one of AWS's nine tools and return the payload of the `result` event; blobs are base64 text in both.

    `cancelled` is set by the caller to interrupt what runs; the session lives on.

    Raises:
        SandboxGoneError: The sandbox has died, or broke its protocol and was closed.
    """
    tool = TOOLS[name]
    began = sandbox.monitor.mark()
    payload = _payload(tool, sandbox, given, cancelled)
    return result_payloads.with_notes(payload, sandbox.monitor.since(began))


def _payload(tool: Tool, sandbox: Sandbox, given: Mapping[str, Any], cancelled: threading.Event) -> Payload:
    try:
        return tool(sandbox, cancelled, **arguments.check(tool, given))
    except ToolError as error:
        reason = str(error)
    except HungUpError:
        reason = execution.KILLED_TEXT
    except SandboxGoneError:
        sandbox.close()
        raise
    return result_payloads.failure(f"Error executing tool {tool.__name__}: {reason}")
