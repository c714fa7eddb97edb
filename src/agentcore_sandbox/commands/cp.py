"""Copy files into a session or out of it: files, folders, globs, '-' for standard input or output."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import (
    accept,
    add_allow_file,
    add_connection,
    add_force,
    add_lifetime,
    add_no_hidden,
)
from agentcore_sandbox.errors import SessionGoneError, UsageError
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import check_id_or_name, split_session_path
from agentcore_sandbox.sessions.reference import SessionReference

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.policy.lock import Lock
    from agentcore_sandbox.transfer.report import Report

STREAM = "-"
EXAMPLES = (
    "agentcore-sandbox cp data.csv 'plots/*.png' work:in/",
    "agentcore-sandbox cp 'work:out/*.csv' results/",
    "agentcore-sandbox cp work:out/report.txt - | less",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `cp`."""
    about = "sources, and last the target: SESSION:PATH in a session (id or name), PATH here, '-' a standard stream"
    allow(parser.add_argument("paths", nargs="+", metavar="path", help=about), _judged)
    accept(parser, "--recursive", "-r", "-R", about="folders are copied with all that is in them, also without it")
    add_force(parser, "replace files that are there", "-f")
    add_no_hidden(parser)
    add_allow_file(parser)
    add_lifetime(parser, default=None)
    add_connection(parser)


@dataclass(frozen=True)
class Copy:
    """A checked request to copy, in one direction.

    Attributes:
        session: Id or name.
        sources: Paths on the one side.
        target: Path on the other.
        uploads: Into the session.
    """

    session: str
    sources: tuple[str, ...]
    target: str
    uploads: bool


def run(
    *, flags: settings.Flags, paths: Sequence[str], force: bool, hidden: bool, lifetime: int | None, as_json: bool
) -> int:
    """Copy, and print what was copied; as JSON with the keys `copied`, `skipped` and `sessionId`."""
    request = read(paths)
    if as_json and request.target == STREAM:
        raise UsageError("--json and '-' both want standard output", "copy to a file, or leave --json out")
    resolved = settings.resolve(flags, os.environ)
    output = Output(as_json=as_json)
    target = SessionReference(connect(resolved), request.session, lifetime, output)
    if request.uploads:
        report, session_id = _upload(target, request, force=force)
    else:
        report, session_id = _download(target, request, force=force, hidden=hidden)
    _tell(output, report, session_id, shown=request.target != STREAM)
    return 0


def read(paths: Sequence[str]) -> Copy:
    """Find out the direction.

    Raises:
        UsageError: It is not between this machine and one session.
    """
    if len(paths) < 2:  # noqa: PLR2004 - a source and a target
        raise UsageError("give at least one source, and last the target", "such as: cp data.csv SESSION:")
    split = [split_session_path(path) for path in paths]
    sessions = {session for session, _ in split[:-1]}
    target = split[-1]
    if len(sessions) != 1 or (target[0] is None) == (None in sessions):
        raise UsageError(
            "one side must be a session, the other this machine",
            "write SESSION:PATH for a file of a session (on Windows, one letter is a drive: give the session's id); "
            "./a:b for a file here whose name has a colon",
        )
    session = check_id_or_name(str(target[0] or next(iter(sessions))))
    return Copy(session, tuple(path for _, path in split[:-1]), target[1], uploads=target[0] is not None)


def _judged(lock: Lock, paths: Sequence[str]) -> Sequence[str]:
    """Check the files of this machine when the call is locked."""
    request = read(paths)
    for source in request.sources:
        if request.uploads and source != STREAM:
            lock.files.check_readable(source)
        elif not request.uploads and request.target != STREAM:
            lock.files.check_arrival(source, request.target)
    return paths


def _upload(target: SessionReference, request: Copy, *, force: bool) -> tuple[Report, str]:
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.upload import Upload

    upload = Upload(request.sources, request.target, force=force, quiet=target.output.as_json)
    upload.roots()  # a missing file is reported before a session is started
    session_id = target.session_id()
    try:
        return upload.run(Workspace(target.interpreter, session_id)), session_id
    except SessionGoneError:
        if not target.is_named or STREAM in request.sources:
            raise
    session_id = target.renew(session_id)
    return upload.run(Workspace(target.interpreter, session_id)), session_id


def _download(target: SessionReference, request: Copy, *, force: bool, hidden: bool) -> tuple[Report, str]:
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer import download

    workspace = Workspace(target.interpreter, target.known_id())
    if request.target != STREAM:
        task = download.Download(
            request.sources, request.target, force=force, hidden=hidden, quiet=target.output.as_json
        )
        return task.run(workspace), workspace.session_id
    if len(request.sources) > 1:
        raise UsageError("standard output takes one file at a time")
    return download.to_stream(workspace, request.sources[0], target.output.data_bytes), workspace.session_id


def _tell(output: Output, report: Report, session_id: str, *, shown: bool) -> None:
    if output.as_json:
        copied = [copied.as_json() for copied in report.copied]
        output.data({"copied": copied, "skipped": list(report.skipped), "sessionId": session_id})
        return
    output.say_skipped(report.skipped)
    if shown:
        output.say(f"agentcore-sandbox: {report.sentence()}")
