"""Execute code in a session; its variables and files persist. A new name starts a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.parser import add_connection, add_lifetime
from agentcore_sandbox.execution import request as requests
from agentcore_sandbox.execution.executor import execute_in_session
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import SessionReference, check_id_or_name

if TYPE_CHECKING:
    import argparse

EXAMPLES = (
    "agentcore-sandbox exec work 'x = 1'",
    "agentcore-sandbox exec work 'print(x)'",
    "agentcore-sandbox exec work --exec-timeout 10 --cmd 'ls -l'",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `exec`."""
    allow(parser.add_argument("session", help="the session's id or name"))
    requests.add_arguments(parser)
    add_lifetime(parser)
    add_connection(parser)


def run(*, flags: settings.Flags, session: str, lifetime: int, **given: Any) -> int:
    """Execute a program in a session, which stays. `given` goes to `request.read`."""
    resolved = settings.resolve(flags, os.environ)
    check_id_or_name(session)
    request = requests.read(**given)
    return execute_in_session(request, SessionReference(connect(resolved), session, lifetime, request.output))
