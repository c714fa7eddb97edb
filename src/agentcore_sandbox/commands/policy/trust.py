"""Print the trust policy of an execution role: AgentCore may assume it, for this account and region only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.cli.output import Output

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `policy trust`."""
    arguments.add_place(parser)


def run(*, flags: settings.Flags, account: str | None, as_json: bool) -> int:
    """Print the document.

    Args:
        flags: Which region, and who asks.
        account: 12 digits; None to ask STS.
        as_json: On one line.
    """
    partition, region, account = arguments.find_place(settings.resolve_account(flags, os.environ), account)
    from agentcore_sandbox.account import policies

    source_arn = policies.source_arn(partition, region, account)
    Output(as_json=as_json).document(policies.trust(account, source_arn))
    return 0
