"""`--follow`: a program whose output appears while it runs, as a job that is not recorded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentcore_sandbox.aws.event_stream import Result
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import (
    AgentcoreSandboxError,
    SessionGoneError,
    SessionOverError,
    TimeLimitError,
)
from agentcore_sandbox.jobs.process import JobProcess, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.sessions.workspace import Workspace


def run(
    workspace: Workspace, program: Program, environment: Mapping[str, str], output: Output, limit: float | None
) -> Result:
    """Run a program and print its output as it comes; it is stopped however this ends.

    Args:
        workspace: Of the session that it runs in.
        program: What to run.
        environment: Variables for it.
        output: Where its output goes.
        limit: Seconds that it may take, None for as long as the session lives.

    Returns:
        The result; with the output where that is not printed as it comes.

    Raises:
        TimeLimitError: `limit`.
        AgentcoreSandboxError: What the service says.
    """
    process = JobProcess(workspace, new_id())
    process.start(program.script(environment))
    try:
        result = _print(process, output, limit)
    except SessionGoneError as gone:
        raise SessionGoneError(gone.session_id, gone.reason) from gone  # this request has not run; the program has
    except BaseException:
        _stop(process, output)
        raise
    process.close()
    process.discard()
    return result


def _print(process: JobProcess, output: Output, limit: float | None) -> Result:
    started, status = time.monotonic(), 0
    with output.live() as live:
        for snapshot in process.follow():
            live.write(snapshot.stdout, snapshot.stderr, keep=output.as_json)
            status = snapshot.exit_code or 0
            if limit is not None and snapshot.exit_code is None and time.monotonic() - started > limit:
                message = f"not finished within {limit:g} seconds (--exec-timeout)"
                raise TimeLimitError("TimeLimit", message, "the program was stopped; raise --exec-timeout")
    stdout, stderr = (b"".join(kept).decode("utf-8", "replace") for kept in live.kept)
    return Result(stdout, stderr, status, round(time.monotonic() - started, 3), is_error=status != 0)


def _stop(process: JobProcess, output: Output) -> None:
    """End the program; a failure of that is reported, not raised."""
    with gate.closed():
        try:
            process.stop()
            process.close()
        except SessionOverError:
            return
        except AgentcoreSandboxError as error:
            output.say(f"agentcore-sandbox: the program was not stopped: {error.message}")
