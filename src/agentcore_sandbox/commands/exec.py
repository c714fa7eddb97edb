"""Execute code in a session; its variables and files persist. A new name starts a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli import options
from agentcore_sandbox.execution import arguments as requests
from agentcore_sandbox.sessions.named import SessionReference, check_id_or_name

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.execution.attempt import Execution


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `exec`."""
    parser.add_argument("session", help="the session's id or name")
    requests.add_arguments(parser)
    options.add_lifetime(parser)
    options.add_connection(parser)


def run(*, flags: settings.Flags, session: str, lifetime: int, **request: Any) -> int:
    """Execute a program in a session, which stays.

    Args:
        flags: Where to run.
        session: The session's id or name.
        lifetime: Of a session that is started for a name, in seconds.
        request: The arguments of `request.read`.
    """
    resolved = settings.resolve(flags, os.environ)
    check_id_or_name(session)
    task = requests.read(**request)
    return execute(task, SessionReference(connect(resolved), session, lifetime, task.output))


def execute(task: Execution, target: SessionReference) -> int:
    """Execute in a session that stays; one that is gone is replaced where it has a name."""
    task.invocation(target.interpreter.region)  # a program that is too long is refused before a start
    renew = target.renew if target.is_named else None
    return task.run(target.interpreter, target.session_id(), keeps_session=True, renew=renew)
