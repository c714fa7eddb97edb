"""Execute code in a session that `start` made; its variables and files persist."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.commands import execution, options
from agentcore_sandbox.commands.connection import connect

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `exec`."""
    parser.add_argument("session", help="the session's id")
    execution.add_arguments(parser)
    options.add_connection(parser)


def run(*, flags: settings.Flags, session: str, **request: Any) -> int:
    """Execute a program in a session, which stays.

    Args:
        flags: Where to run.
        session: The session's id.
        request: The arguments of `execution.read`.
    """
    resolved = settings.resolve(flags, os.environ)
    options.check_session_id(session)
    task = execution.read(**request)
    return task.run(connect(resolved), session, keeps_session=True)
