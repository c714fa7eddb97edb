"""The interpreter's sessions as they are shown: with this user's names for them, and the time that they have left."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.activity.sessions import ever
from agentcore_sandbox.api import READY
from agentcore_sandbox.cli.units import utc
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.sessions.named import NamedSessions
from agentcore_sandbox.threads import in_parallel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.aws.session_client import SessionClient, SessionSummary
    from agentcore_sandbox.cli.output import Output

AT_ONCE = 8  # well below the service's 30 requests a second


def listed(interpreter: SessionClient, output: Output, *, every: bool = False) -> list[dict[str, Any]]:
    """The sessions as `--json` shows them.

    Args:
        interpreter: Whose sessions.
        output: Reports which names cannot be read.
        every: Also those that have ended.
    """
    found = list(interpreter.sessions(status=None if every else READY))
    lifetimes = list(in_parallel(lambda session: _lifetime(interpreter, session), found, AT_ONCE))
    names = _names(interpreter, output)
    commands = _commands()
    rows = [_row(session, lifetime, names) for session, lifetime in zip(found, lifetimes, strict=True)]
    return [{**row, "startedBy": commands.get(row["sessionId"])} for row in rows]


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


def _commands() -> dict[str, str]:
    """Session id -> the command on this machine that has started it."""
    try:
        return {past.started.session: past.started.command for past in ever()}
    except (AgentcoreSandboxError, OSError):
        return {}


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
        "createdAt": utc(session.created_at),
        "ageSeconds": round(age),
        "timeLeftSeconds": None if lifetime is None else max(0, round(lifetime - age)),
    }
