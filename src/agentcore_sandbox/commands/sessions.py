"""List the interpreter's sessions."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.api import READY
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.sessions.named import NamedSessions
from agentcore_sandbox.threads import in_parallel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.aws.session_client import SessionClient, SessionSummary

HEADER = ("SESSION", "NAME", "STATUS", "AGE", "TIME LEFT")
AT_ONCE = 8  # well below the service's 30 requests a second
EXAMPLES = (
    "agentcore-sandbox sessions",
    "agentcore-sandbox sessions --all --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sessions`."""
    parser.add_argument("--all", action="store_true", dest="every", help="also those that have ended")
    add_connection(parser)


def run(*, flags: settings.Flags, every: bool, as_json: bool) -> int:
    """Print a table, or an object with the key `sessions`; `every`: also those that have ended."""
    resolved = settings.resolve(flags, os.environ)
    output = Output(as_json=as_json)
    interpreter = connect(resolved, runs_code=False)
    found = list(interpreter.sessions(status=None if every else READY))
    lifetimes = list(in_parallel(lambda session: _lifetime(interpreter, session), found, AT_ONCE))
    names = _names(interpreter, output)
    rows = [_row(session, lifetime, names) for session, lifetime in zip(found, lifetimes, strict=True)]
    _print(output, rows)
    return 0


def _names(interpreter: SessionClient, output: Output) -> dict[str, str]:
    """Session id -> the name that `exec` and the others take for it."""
    try:
        known, unreadable = NamedSessions(interpreter, os.environ).all()
    except AgentcoreSandboxError as error:
        if error.code != "NoStateFolder":  # no folder, so no names
            output.say(f"agentcore-sandbox: names are left out: {error.message}")
        return {}
    for damaged in unreadable:
        output.say(f"agentcore-sandbox: a name is left out: {damaged.message}")
    return {named.session_id: named.name for named in known}


def _lifetime(interpreter: SessionClient, session: SessionSummary) -> int | None:
    if session.status != READY:
        return None
    try:
        return interpreter.lifetime(session.session_id)
    except AgentcoreSandboxError:
        return None  # ended since, or not allowed to look: the list is still worth printing


def _row(session: SessionSummary, lifetime: int | None, names: Mapping[str, str]) -> dict[str, Any]:
    age = max(0.0, (datetime.now(timezone.utc) - session.created_at).total_seconds())
    return {
        "sessionId": session.session_id,
        "name": names.get(session.session_id, session.name),
        "isNamed": session.session_id in names,
        "status": session.status,
        "createdAt": session.created_at.isoformat(),
        "ageSeconds": round(age),
        "timeLeftSeconds": None if lifetime is None else max(0, round(lifetime - age)),
    }


def _print(output: Output, rows: Sequence[dict[str, Any]]) -> None:
    if output.as_json:
        output.data({"sessions": list(rows)})
    elif rows:
        output.table(HEADER, [_cells(row) for row in rows])
    else:
        output.say("no sessions")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    left = row["timeLeftSeconds"]
    times = (_duration(row["ageSeconds"]), "-" if left is None else _duration(left))
    return (row["sessionId"], row["name"], row["status"], *times)


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s" if minutes else f"{seconds}s"
