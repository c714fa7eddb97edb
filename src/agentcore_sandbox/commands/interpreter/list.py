"""List the account's code interpreters and AWS's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.aws.connect import connect_control
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output

if TYPE_CHECKING:
    import argparse

HEADER = ("INTERPRETER", "NAME", "STATUS", "CREATED")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `interpreter list`."""
    arguments.add_endpoint(parser)
    options.add_account(parser)


def run(*, flags: settings.Flags, as_json: bool) -> int:
    """Print a table, or an object with the key `interpreters`, oldest first.

    Args:
        flags: Which account.
        as_json: Print JSON.
    """
    output = Output(as_json=as_json)
    control = connect_control(settings.resolve_account(flags, os.environ))
    found = sorted(control.all(), key=lambda interpreter: interpreter.created_at)
    if as_json:
        output.data({"interpreters": [interpreter.described() for interpreter in found]})
        return 0
    rows = [(one.interpreter_id, one.name, one.status, f"{one.created_at:%Y-%m-%d %H:%M}") for one in found]
    output.table(HEADER, rows)
    return 0
