"""List files of a session."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.api import DEFAULT_LIFETIME
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import accept, add_connection, add_recursive
from agentcore_sandbox.cli.units import local_time, size, utc
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import check_id_or_name, split_session_path
from agentcore_sandbox.sessions.reference import SessionReference

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.transfer.session_tree import Entry

HEADER = ("MODE", "SIZE", "MODIFIED", "PATH")
_TYPES = {"folder": stat.S_IFDIR, "link": stat.S_IFLNK, "file": stat.S_IFREG, "other": stat.S_IFIFO}
EXAMPLES = (
    "agentcore-sandbox ls work",
    "agentcore-sandbox ls -r 'work:out/*.csv'",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `ls`."""
    about = "a session's id or name, and a path or glob in it"
    allow(parser.add_argument("session", metavar="session[:path]", help=about))
    add_recursive(parser, "also what is in the folders")
    accept(parser, "-l", "-h", "-a", about="the list is long, in human units and complete, also without them")
    add_connection(parser)


def run(*, flags: settings.Flags, session: str, recursive: bool, as_json: bool) -> int:
    """Print a table, or an object with the keys `entries` and `sessionId`."""
    resolved = settings.resolve(flags, os.environ)
    name, path = split_session_path(session)
    word = check_id_or_name(name or session)
    output = Output(as_json=as_json)
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer import session_tree

    target = SessionReference(connect(resolved), word, DEFAULT_LIFETIME, output)
    workspace = Workspace(target.interpreter, target.known_id())
    found = session_tree.scan(workspace, [path if name else ""], depth=None if recursive else 1)
    entries = sorted((entry for entry in found if _is_listed(entry)), key=lambda entry: _path(entry).split("/"))
    if as_json:
        output.data({"entries": [_described(entry) for entry in entries], "sessionId": workspace.session_id})
    elif entries:
        output.table(HEADER, [_cells(entry) for entry in entries])
    else:
        output.say("no files")
    return 0


def _is_listed(entry: Entry) -> bool:
    """Of a folder that was asked for, its contents are listed and not itself."""
    return bool(entry.relative) or entry.kind != "folder"


def _path(entry: Entry) -> str:
    return entry.path.removeprefix("./")


def _described(entry: Entry) -> dict[str, Any]:
    return {
        "path": _path(entry),
        "type": entry.kind,
        "size": entry.size,
        "mode": f"{entry.mode:04o}",
        "modifiedAt": utc(entry.modified),
    }


def _cells(entry: Entry) -> tuple[str, ...]:
    mode = stat.filemode(_TYPES[entry.kind] | entry.mode)
    slash = "/" if entry.kind == "folder" else ""
    return (mode, size(entry.size), local_time(entry.modified), _path(entry) + slash)
