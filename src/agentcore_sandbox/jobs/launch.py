"""Start a program as a job in a session."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.execution.program import COMMAND
from agentcore_sandbox.sessions.workspace import FOLDER, helper_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.sessions.workspace import Workspace

WORK = "/opt/amazon/genesis1p-tools/var"
"""The service's work directory (facts, "Inside the sandbox")."""
GUEST = "jobs"
# Output goes to files, and must be there while the program runs.
UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


def new_id() -> str:
    """An id for a job: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def folder(job_id: str) -> str:
    """The job's folder, relative to the session's work directory."""
    return f"{FOLDER}/jobs/{job_id}"


def launch(workspace: Workspace, job_id: str, program: Program, environment: Mapping[str, str]) -> str:
    """Start a program. It is sent once.

    Args:
        workspace: Of the session that it runs in.
        job_id: As `new_id` gives it.
        program: What to run; Python runs as a file, without the session's variables.
        environment: Variables for it.

    Returns:
        The service's id of the task.

    Raises:
        AgentcoreSandboxError: `NotStarted`, or what the service says.
    """
    name, argv = _command(program, folder(job_id))
    variables = {**UNBUFFERED, **environment}
    if program.language == "python":
        variables.setdefault("PYTHONPATH", WORK)  # as in `exec`, modules of the work directory can be imported
    workspace.write(f"{folder(job_id)}/environment", json.dumps(variables).encode())
    workspace.write(f"{folder(job_id)}/{name}", program.text.encode())
    command = helper_command(GUEST, {"operation": "supervise", "folder": folder(job_id), "argv": argv})
    outcome = workspace.invoke("startCommandExecution", {"command": command})
    if outcome.is_error or not outcome.task_id:
        message = f"the job was not started: {outcome.stderr or outcome.stdout}"
        raise AgentcoreSandboxError("NotStarted", message, "try again, or in another session")
    return outcome.task_id


def _command(program: Program, path: str) -> tuple[str, list[str]]:
    """The name of the program's file and the argument list that runs it."""
    if program.language == COMMAND:
        return "program.sh", ["/bin/sh", f"{path}/program.sh"]
    if program.language == "python":
        return "program.py", ["python3", f"{path}/program.py"]
    typed = program.language == "typescript"
    if program.runtime == "nodejs":
        # CommonJS for JavaScript, ES modules for TypeScript (facts, "Results").
        name = "program.mts" if typed else "program.cjs"
        return name, ["node", f"{path}/{name}"]
    name = "program.ts" if typed else "program.js"
    return name, ["deno", "run", "--allow-all", f"{path}/{name}"]
