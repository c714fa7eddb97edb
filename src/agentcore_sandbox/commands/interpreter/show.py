"""Show a code interpreter: its state, role and network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.account import arguments
from agentcore_sandbox.aws.connect import connect_control
from agentcore_sandbox.cli.output import Output

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox import settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `interpreter show`."""
    arguments.add_interpreter(parser)


def run(*, flags: settings.Flags, interpreter: str, as_json: bool) -> int:
    """Print one line a property, or an object.

    Args:
        flags: Which account.
        interpreter: Id or ARN.
        as_json: Print JSON.
    """
    output = Output(as_json=as_json)
    resolved = arguments.resolve_interpreter(flags, interpreter)
    described = connect_control(resolved).get(resolved.plain_id).described()
    if as_json:
        output.data(described)
        return 0
    for key, value in described.items():
        text = ", ".join(value) if isinstance(value, list) else value
        if text:
            output.line(f"{key}: {text}")
    return 0
