"""Start a session that lives until it is stopped or its lifetime ends, and print its id."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws import attachments
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_allow_file, add_archive, add_attachments, add_connection, add_lifetime
from agentcore_sandbox.execution.request import read_archive
from agentcore_sandbox.packages import requirements
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import NamedSessions, check_name, forget

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from agentcore_sandbox.aws.attachments import Attachments
    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.packages.installer import PackageInstaller
    from agentcore_sandbox.packages.requirements import Requirements
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.archive import Archive

EXAMPLES = (
    "agentcore-sandbox start --timeout 3600",
    "agentcore-sandbox start --name work --with 'pandas>=2'",
    "agentcore-sandbox start --name work --from work.tar.gz",
    'agentcore-sandbox start --certificate "$ARN_OF_A_SECRET"',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `start`."""
    about = "a name for it, which exec, cp, ls, rm, job and stop take as well as the id"
    allow(parser.add_argument("--name", help=about))
    requirements.add_arguments(parser)
    add_lifetime(parser)
    add_attachments(parser, "of the session")
    add_archive(parser)
    add_allow_file(parser)
    add_connection(parser)


def run(
    *,
    flags: settings.Flags,
    name: str | None,
    packages: Sequence[str],
    requirement_files: Sequence[str],
    lifetime: int,
    mounts: Sequence[str],
    certificates: Sequence[str],
    archive: Path | None,
    as_json: bool,
) -> int:
    """Start a session, and name it if there is a name; one that cannot be filled or printed is stopped again."""
    needed = requirements.of(requirements.read(packages, requirement_files))
    resolved = settings.resolve(flags, os.environ)
    if name is not None:
        check_name(name)
    attached, checked = attachments.read(mounts, certificates), read_archive(archive)
    output = Output(as_json=as_json)
    interpreter = connect(resolved)
    installer = _installer(needed, interpreter, output) if needed else None
    free = partial(forget, interpreter, environ=os.environ)
    start = partial(_start, interpreter, name, lifetime, attached)
    with interpreter.started(output, start, kept=True, forget=free) as session_id:
        installed = _fill(_workspace(interpreter, session_id), checked, installer, quiet=as_json)
        output.data({"sessionId": session_id, "name": name, **installed}) if as_json else output.line(session_id)
    return 0


def _installer(needed: Requirements, interpreter: SessionClient, output: Output) -> PackageInstaller:
    from agentcore_sandbox.packages.installer import PackageInstaller

    installer = PackageInstaller(needed, interpreter, output)
    installer.prepare()
    return installer


def _workspace(interpreter: SessionClient, session_id: str) -> Workspace:
    from agentcore_sandbox.sessions.workspace import Workspace

    return Workspace(interpreter, session_id)


def _fill(
    workspace: Workspace, archive: Archive | None, installer: PackageInstaller | None, *, quiet: bool
) -> dict[str, Any]:
    """Unpack and install what is asked for; returns what JSON says of the packages."""
    if archive:
        from agentcore_sandbox.transfer.archive import restore

        restore(workspace, archive, quiet=quiet)
    if installer is None:
        return {}
    installer.install(workspace)
    return installer.as_json()


def _start(interpreter: SessionClient, name: str | None, lifetime: int, attached: Attachments) -> str:
    if name is None:
        return interpreter.start(lifetime=lifetime, stays=True, attached=attached)
    return NamedSessions(interpreter, os.environ).start(name, lifetime, attached).session_id
