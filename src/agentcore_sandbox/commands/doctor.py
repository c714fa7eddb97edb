"""Check this machine, the credentials and the interpreter: one line a check, and the remedy where it fails."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect, connect_account
from agentcore_sandbox.checks import FAILURE, OK, Finding, emulator, examine, failure, ok, program
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection
from agentcore_sandbox.cli.terminal_text import plain
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

EXIT_UNWELL = 1
EXAMPLES = (
    "agentcore-sandbox doctor",
    "agentcore-sandbox doctor --interpreter-id local --run",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `doctor`."""
    about = "also run a line of code in a session"
    allow(parser.add_argument("--run", action="store_true", dest="execute", help=about))
    add_connection(parser)


def run(*, flags: settings.Flags, execute: bool, locked: str, as_json: bool) -> int:
    """Print one line a check, or an object with the keys `ok` and `checks`; return 1 if one failed."""
    output = Output(as_json=as_json)
    lock = Finding("lock", ok(f"locked by {locked}" if locked else "not locked"))
    seen = _show(output, chain([lock], _findings(flags, execute=execute)))
    well = all(finding.outcome.status != FAILURE for finding in seen)
    if as_json:
        output.data({"ok": well, "checks": [_described(finding) for finding in seen]})
    return 0 if well else EXIT_UNWELL


def _show(output: Output, findings: Iterable[Finding]) -> list[Finding]:
    """Print each finding as soon as it is there, where the output is text."""
    seen = []
    for finding in findings:
        seen.append(finding)
        if not output.as_json:
            outcome = finding.outcome
            output.line(f"{outcome.status:<8} {finding.name}: {plain(outcome.message)}")
            if outcome.remedy and outcome.status != OK:
                output.line(f"         -> {plain(outcome.remedy)}")
    return seen


def _described(finding: Finding) -> dict[str, str]:
    outcome = finding.outcome
    return {"name": finding.name, "status": outcome.status, "message": outcome.message, "remedy": outcome.remedy}


def _findings(flags: settings.Flags, *, execute: bool) -> Iterator[Finding]:
    yield from examine(program.CHECKS, program.find())
    try:
        resolved = settings.resolve(flags, os.environ)
    except AgentcoreSandboxError as error:
        yield Finding("interpreter", failure(error.message, error.hint))
        yield from examine(emulator.CHECKS, False)  # noqa: FBT003 - the subject of these checks
        return
    remote = iter(()) if resolved.is_local else _on_aws(resolved, execute=execute)
    here = examine(emulator.CHECKS, resolved.is_local)
    yield from chain(remote, here, _local_run(resolved) if execute and resolved.is_local else ())


def _on_aws(resolved: settings.Settings, *, execute: bool) -> Iterator[Finding]:
    """Each table only where nothing failed in the one before: it could only fail for the same reason."""
    try:
        connection = connect_account(resolved)
        from agentcore_sandbox.checks import aws

        resources = aws.Resources(connection)
    except AgentcoreSandboxError as error:
        yield Finding("region" if error.code == "NoRegion" else "credentials", failure(error.message, error.hint))
        return
    for table in (aws.HOST_CHECKS, aws.PLACE_CHECKS, aws.INTERPRETER_CHECKS):
        found = list(examine(table, resources))
        yield from found
        if any(finding.outcome.status == FAILURE for finding in found):
            return
    ran = list(examine(aws.EXECUTION_CHECKS, resources.sessions)) if execute else []
    yield from ran
    started = any(finding.outcome.status == OK for finding in ran)
    yield from examine(aws.permission_checks(started=started), resources)


def _local_run(resolved: settings.Settings) -> Iterator[Finding]:
    try:
        sessions = connect(resolved)
        from agentcore_sandbox.checks import aws

        yield from examine(aws.EXECUTION_CHECKS, sessions)
    except AgentcoreSandboxError as error:
        yield Finding("execution", failure(error.message, error.hint))
