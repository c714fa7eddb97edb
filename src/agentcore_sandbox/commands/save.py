"""Save a session's work folder in one file, a tar.gz, which `--from` of run, exec and start unpacks again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.api import DEFAULT_LIFETIME, DISK_BYTES
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection, add_force, archive_path, byte_count
from agentcore_sandbox.cli.units import counted, size
from agentcore_sandbox.policy import lock
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import check_id_or_name
from agentcore_sandbox.sessions.reference import SessionReference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

EXAMPLES = (
    "agentcore-sandbox save work work.tar.gz",
    "agentcore-sandbox save work work.tar.gz --exclude '*.tmp' --exclude build",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `save`."""
    allow(parser.add_argument("session", help="the session's id or name"))
    about = "the file; links are not in it, nor variables of contexts, nor what lies outside the work folder"
    allow(parser.add_argument("archive", type=archive_path, help=about), lock.new_output)
    about = "leave out what this pattern names: whole paths where it has a slash, else names; repeatable"
    allow(parser.add_argument("--exclude", metavar="GLOB", action="append", default=[], help=about))
    about = "refuse a folder whose files have more bytes together (default: 10 GiB, the disk of a session)"
    allow(parser.add_argument("--max-bytes", metavar="BYTES", type=byte_count, default=DISK_BYTES, help=about))
    add_force(parser, "replace a file that is there")
    add_connection(parser)


def run(
    *,
    flags: settings.Flags,
    session: str,
    archive: Path,
    exclude: Sequence[str],
    max_bytes: int,
    force: bool,
    as_json: bool,
) -> int:
    """Save, and say what was saved; as JSON with the keys `archive`, `size`, `sha256`, `files` and so on."""
    resolved = settings.resolve(flags, os.environ)
    output = Output(as_json=as_json)
    target = SessionReference(connect(resolved), check_id_or_name(session), DEFAULT_LIFETIME, output)
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer import archive as archives

    workspace = Workspace(target.interpreter, target.known_id())
    saved = archives.save(workspace, archive, exclude=exclude, most=max_bytes, force=force, quiet=as_json)
    output.say_skipped(saved.skipped)
    if as_json:
        counts = {"size": saved.size, "sha256": saved.sha256, "files": saved.files, "contentSize": saved.content_size}
        skipped = dict(saved.skipped)
        output.data({"archive": str(archive), **counts, "skipped": skipped, "sessionId": workspace.session_id})
        return 0
    output.line(f"saved {counted(saved.files, 'file')}, {size(saved.content_size)}, in {archive} ({size(saved.size)})")
    output.say(f"agentcore-sandbox: {archives.LEFT_OUT}")
    return 0
