"""Remove files of a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.api import DEFAULT_LIFETIME
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection, add_recursive
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import check_id_or_name, split_session_path
from agentcore_sandbox.sessions.reference import SessionReference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXAMPLES = (
    "agentcore-sandbox rm 'work:in/*.csv'",
    "agentcore-sandbox rm -r work:out",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `rm`."""
    allow(parser.add_argument("paths", nargs="+", metavar="session:path", help="a path or glob in a session"))
    add_recursive(parser, "also folders and what is in them")
    allow(parser.add_argument("--force", "-f", action="store_true", help="pass over what is not there"))
    add_connection(parser)


def run(*, flags: settings.Flags, paths: Sequence[str], recursive: bool, force: bool, as_json: bool) -> int:
    """Remove files, without `force` none where one is missing; as JSON with the keys `removed` and `sessionId`."""
    resolved = settings.resolve(flags, os.environ)
    split = [split_session_path(path) for path in paths]
    if len({session for session, _ in split}) != 1 or not all(session and path for session, path in split):
        raise UsageError("give paths of one session, as SESSION:PATH", "list them with: agentcore-sandbox ls SESSION")
    word = check_id_or_name(str(split[0][0]))
    output = Output(as_json=as_json)
    from agentcore_sandbox.sessions.workspace import Workspace

    target = SessionReference(connect(resolved), word, DEFAULT_LIFETIME, output)
    workspace = Workspace(target.interpreter, target.known_id())
    patterns = [path for _, path in split]
    answer = workspace.ask("files", "remove", once=True, patterns=patterns, recursive=recursive, force=force)
    removed = [str(path) for path in answer] if isinstance(answer, list) else []
    if as_json:
        output.data({"removed": removed, "sessionId": workspace.session_id})
    else:
        output.say(f"agentcore-sandbox: removed {len(removed)}")
    return 0
