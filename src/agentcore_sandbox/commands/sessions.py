"""List the interpreter's sessions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.activity.sessions import ever
from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection
from agentcore_sandbox.cli.units import duration
from agentcore_sandbox.policy.lock import allow
from agentcore_sandbox.sessions.listing import listed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

HEADER = ("SESSION", "NAME", "STATUS", "AGE", "TIME LEFT", "MINE")
EXAMPLES = (
    "agentcore-sandbox sessions",
    "agentcore-sandbox sessions --mine",
    "agentcore-sandbox sessions --all --json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sessions`."""
    allow(parser.add_argument("--all", action="store_true", dest="every", help="also those that have ended"))
    about = "only those that this user's command line has started on this machine"
    allow(parser.add_argument("--mine", action="store_true", help=about))
    add_connection(parser)


def run(*, flags: settings.Flags, every: bool, mine: bool, as_json: bool) -> int:
    """Print a table, or an object with the key `sessions`."""
    resolved = settings.resolve(flags, os.environ)
    output = Output(as_json=as_json)
    interpreter = connect(resolved, runs_code=False)
    own = {past.started.session for past in ever()} if mine else set()
    rows = listed(interpreter, output, every=every)
    _print(output, [row for row in rows if row["sessionId"] in own] if mine else rows)
    return 0


def _print(output: Output, rows: Sequence[dict[str, Any]]) -> None:
    if output.as_json:
        output.data({"sessions": list(rows)})
    elif rows:
        output.table(HEADER, [_cells(row) for row in rows])
    else:
        output.say("no sessions")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    left = row["timeLeftSeconds"]
    times = (duration(row["ageSeconds"]), "-" if left is None else duration(left))
    return (row["sessionId"], row["name"], row["status"], *times, (row["startedBy"] or "-").partition(" ")[0])
