"""Start a session that lives until it is stopped or its lifetime ends, and print its id."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.aws import attachments
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_attachments, add_connection, add_lifetime
from agentcore_sandbox.packages import requirements
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.named import NamedSessions, check_name

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.aws.attachments import Attachments
    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.packages.installer import PackageInstaller
    from agentcore_sandbox.packages.requirements import Requirements

EXAMPLES = (
    "agentcore-sandbox start --timeout 3600",
    "agentcore-sandbox start --name work --with 'pandas>=2'",
    "agentcore-sandbox start --certificate arn:aws:secretsmanager:us-east-1:111122223333:secret:root-ca-AbCdEf",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `start`."""
    about = "a name for it, which exec, cp, ls, rm, job and stop take as well as the id"
    allow(parser.add_argument("--name", help=about))
    requirements.add_arguments(parser)
    add_lifetime(parser)
    add_attachments(parser, "of the session")
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
    as_json: bool,
) -> int:
    """Start a session, and name it if there is a name; one whose id cannot be printed is stopped again."""
    needed = requirements.of(requirements.read(packages, requirement_files))
    resolved = settings.resolve(flags, os.environ)
    if name is not None:
        check_name(name)
    attached = attachments.read(mounts, certificates)
    output = Output(as_json=as_json)
    interpreter = connect(resolved)
    installer = _installer(needed, interpreter, output) if needed else None
    with interpreter.started(output, lambda: _start(interpreter, name, lifetime, attached), kept=True) as session_id:
        installed = _installed(installer, interpreter, session_id) if installer else {}
        output.data({"sessionId": session_id, "name": name, **installed}) if as_json else output.line(session_id)
    return 0


def _installer(needed: Requirements, interpreter: SessionClient, output: Output) -> PackageInstaller:
    from agentcore_sandbox.packages.installer import PackageInstaller

    installer = PackageInstaller(needed, interpreter, output)
    installer.prepare()
    return installer


def _installed(installer: PackageInstaller, interpreter: SessionClient, session_id: str) -> dict[str, Any]:
    """Install; returns what JSON says of it."""
    from agentcore_sandbox.sessions.workspace import Workspace

    installer.install(Workspace(interpreter, session_id))
    return installer.as_json()


def _start(interpreter: SessionClient, name: str | None, lifetime: int, attached: Attachments) -> str:
    if name is None:
        return interpreter.start(lifetime=lifetime, stays=True, attached=attached)
    return NamedSessions(interpreter, os.environ).start(name, lifetime, attached).session_id
