"""Execute code in a session of its own: start it, execute, stop it. A session with a name stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli import options
from agentcore_sandbox.execution import arguments as requests
from agentcore_sandbox.sessions.ephemeral import start, started

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.execution.attempt import Execution


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    requests.add_arguments(parser)
    parser.add_argument("--session", metavar="NAME", help="use the session of this name, or start it; it stays")
    options.add_lifetime(parser)
    options.add_connection(parser)


def run(*, flags: settings.Flags, session: str | None, lifetime: int, **request: Any) -> int:
    """Execute a program; a session without a name is stopped however this ends.

    Args:
        flags: Where to run.
        session: Name of a session that stays; None for one of its own.
        lifetime: Of the session, in seconds.
        request: The arguments of `request.read`.
    """
    if session is not None:
        from agentcore_sandbox.commands import exec as exec_command
        from agentcore_sandbox.sessions.named import check_name

        return exec_command.run(flags=flags, session=check_name(session), lifetime=lifetime, **request)
    resolved = settings.resolve(flags, os.environ)
    task = requests.read(**request)
    return execute(task, connect(resolved), lifetime)


def execute(task: Execution, interpreter: SessionClient, lifetime: int) -> int:
    """Execute in a session that nobody else knows."""
    task.invocation(interpreter.region)  # a program that is too long is refused before the start
    with started(interpreter, task.output, lambda: start(interpreter, lifetime)) as session_id:
        return task.run(interpreter, session_id, keeps_session=False)
