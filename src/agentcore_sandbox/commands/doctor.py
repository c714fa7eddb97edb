"""Check this machine, the credentials and the interpreter: one line a check, and the remedy where it fails."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.aws.connect import connect, connect_account
from agentcore_sandbox.checks import FAILURE, OK, WARNING, Finding, emulator, examine, failure, ok, program
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection
from agentcore_sandbox.cli.terminal_text import plain
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

EXIT_UNWELL = 1
COLOURS = {OK: "\x1b[32m", WARNING: "\x1b[33m", FAILURE: "\x1b[31m"}
_PLAIN = "\x1b[0m"
_COLUMN = 8  # characters of a status and the spaces behind it
_SUBJECTS = {"NoRegion": "region", "UnknownInterpreter": "interpreter", "AmbiguousInterpreter": "interpreter"}
EXAMPLES = (
    "agentcore-sandbox doctor",
    "agentcore-sandbox doctor --interpreter-id local --run",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `doctor`."""
    about = "also run a line of code in a session"
    allow(parser.add_argument("--run", action="store_true", dest="execute", help=about))
    about = "colour the statuses; auto, the default: on a terminal, unless NO_COLOR is set or TERM is dumb"
    allow(parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help=about))
    add_connection(parser)


def run(*, flags: settings.Flags, execute: bool, locked: str, color: str, as_json: bool) -> int:
    """Print a line a check and a summary, or an object with `ok`, `checks`, `summary`; return 1 if one failed."""
    output = Output(as_json=as_json)
    lock = Finding("lock", ok(f"locked by {locked}" if locked else "not locked"))
    is_coloured = color == "always" or (color == "auto" and output.takes_colours)
    seen = []
    for finding in chain([lock], _findings(flags, execute=execute)):
        seen.append(finding)
        if not as_json:
            _show(output, finding, is_coloured=is_coloured)
    counts = {status: sum(finding.outcome.status == status for finding in seen) for status in COLOURS}
    if as_json:
        checks = [_described(finding) for finding in seen]
        output.data({"ok": not counts[FAILURE], "checks": checks, "summary": counts})
    else:
        output.line(_summary(counts, is_coloured=is_coloured))
    return EXIT_UNWELL if counts[FAILURE] else 0


def _show(output: Output, finding: Finding, *, is_coloured: bool) -> None:
    """Print a finding as soon as it is there."""
    outcome = finding.outcome
    status = _coloured(outcome.status.ljust(_COLUMN), outcome.status, is_coloured=is_coloured)
    output.line(f"{status} {finding.name}: {plain(outcome.message)}")
    if outcome.remedy and outcome.status != OK:
        output.line(f"{' ' * _COLUMN} -> {plain(outcome.remedy)}")


def _summary(counts: Mapping[str, int], *, is_coloured: bool) -> str:
    """The number of checks with each status; the worst gives the colour."""
    parts = [f"{counts[OK]} ok"]
    parts += [f"{counts[kind]} {kind}{'s' * (counts[kind] > 1)}" for kind in (WARNING, FAILURE) if counts[kind]]
    worst = next(status for status in (FAILURE, WARNING, OK) if counts[status])
    return _coloured(f"{sum(counts.values())} checks: {', '.join(parts)}", worst, is_coloured=is_coloured)


def _coloured(text: str, status: str, *, is_coloured: bool) -> str:
    return f"{COLOURS[status]}{text}{_PLAIN}" if is_coloured else text


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
        yield Finding(_SUBJECTS.get(error.code, "credentials"), failure(error.message, error.hint))
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
