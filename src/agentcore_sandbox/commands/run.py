"""Execute code in a session of its own: start it, execute, stop it. A session with a name stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.api import DEFAULT_LIFETIME
from agentcore_sandbox.aws import attachments
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.parser import add_attachments, add_connection, add_lifetime
from agentcore_sandbox.execution import request as requests
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLES = (
    "agentcore-sandbox run --interpreter-id local 'print(6 * 7)'",
    "agentcore-sandbox run --cmd 'uname -a'",
    "agentcore-sandbox run --file job.py --env MONTH=2026-11 --json",
    "agentcore-sandbox run --with 'numpy>=2' 'import numpy; print(numpy.pi)'",
    "agentcore-sandbox run --upload data.csv --download 'out:results/' - < job.py",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`."""
    requests.add_arguments(parser)
    about = "use the session of this name, or start it; it stays"
    allow(parser.add_argument("--session", metavar="NAME", help=about))
    add_lifetime(parser, default=None)
    add_attachments(parser, "of the session, if it is started")
    add_connection(parser)


def run(
    *,
    flags: settings.Flags,
    session: str | None,
    lifetime: int | None,
    mounts: Sequence[str],
    certificates: Sequence[str],
    **given: Any,
) -> int:
    """Execute a program; a session without a name is stopped however this ends. `given` goes to `request.read`."""
    resolved = settings.resolve(flags, os.environ)
    request, attached = requests.read(**given), attachments.read(mounts, certificates)
    from agentcore_sandbox.execution.executor import execute_in_new_session, execute_in_session

    if session is None:
        return execute_in_new_session(request, connect(resolved), lifetime or DEFAULT_LIFETIME, attached)
    from agentcore_sandbox.sessions.named import check_name
    from agentcore_sandbox.sessions.reference import SessionReference

    name = check_name(session)
    return execute_in_session(request, SessionReference(connect(resolved), name, lifetime, request.output, attached))
