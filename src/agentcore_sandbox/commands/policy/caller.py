"""Print the policy for those who run code in one interpreter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `policy caller`."""
    parser.add_argument("--interpreter-id", metavar="ID", help="id or ARN of the code interpreter")
    parser.add_argument("--with-listing", action="store_true", help="also see sessions: `sessions`, `stop --all`")
    arguments.add_place(parser)


def run(*, flags: settings.Flags, account: str | None, with_listing: bool, as_json: bool) -> int:
    """Print the document.

    Args:
        flags: Which interpreter, and who asks.
        account: The interpreter's, 12 digits; None to ask STS where its ARN does not say it.
        with_listing: Also allow to list sessions.
        as_json: On one line.
    """
    resolved = settings.resolve(flags, os.environ)
    if resolved.is_local:
        raise UsageError("the interpreter 'local' needs no policy", "name the id or ARN of an interpreter on AWS")
    arn = _arn(resolved, account)
    from agentcore_sandbox.account import policies

    Output(as_json=as_json).document(policies.caller(arn, with_listing=with_listing))
    return 0


def _arn(resolved: settings.Settings, account: str | None) -> str:
    if resolved.interpreter_id.startswith("arn:"):
        return resolved.interpreter_id
    place = arguments.find_place(resolved, account)
    from agentcore_sandbox.account import policies

    return policies.interpreter_arn(resolved.interpreter_id, *place)
