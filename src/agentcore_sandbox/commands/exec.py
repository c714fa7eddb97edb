"""Execute code in a session; its variables and files persist. A new name starts a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.parser import add_connection, add_lifetime
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.execution import request as requests
from agentcore_sandbox.execution.executor import execute_in_session
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import Carry, check_id_or_name, is_session_id
from agentcore_sandbox.sessions.reference import SessionReference

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.aws.session_client import SessionClient

EXAMPLES = (
    "agentcore-sandbox exec work 'x = 1'",
    "agentcore-sandbox exec work 'print(x)'",
    "agentcore-sandbox exec work --exec-timeout 10 --cmd 'ls -l'",
    "agentcore-sandbox exec work --carry --timeout 3600 'print(1)'",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `exec`."""
    allow(parser.add_argument("session", help="the session's id or name"))
    requests.add_arguments(parser)
    about = "late in the life of a named session move its files into a new one, which takes its place"
    allow(parser.add_argument("--carry", action="store_true", help=about))
    add_lifetime(parser, default=None)
    add_connection(parser)


def run(*, flags: settings.Flags, session: str, carry: bool, lifetime: int | None, **given: Any) -> int:
    """Execute a program in a session, which stays. `given` goes to `request.read`."""
    resolved = settings.resolve(flags, os.environ)
    if check_id_or_name(session) and carry and is_session_id(session):
        raise UsageError("--carry needs a session's name", "an id stands for one session and no other")
    request = requests.read(**given)
    carrying = Carry(_carry, request.time_limit or 0) if carry else None
    reference = SessionReference(connect(resolved), session, lifetime, request.output, carry=carrying)
    return execute_in_session(request, reference)


def _carry(interpreter: SessionClient, old: str, new: str) -> None:
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer import archive

    archive.carry(Workspace(interpreter, old), Workspace(interpreter, new))
