"""Print the policy of an execution role: what code in the sandbox may do, whoever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.account import arguments
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `policy execution`."""
    arguments.add_access(parser)
    options.add_json(parser)


def run(*, as_json: bool, **given: Sequence[str]) -> int:
    """Print the document.

    Args:
        as_json: On one line.
        given: The flags of `arguments.add_access`.
    """
    grants = arguments.read_access(given)
    if not grants:
        raise UsageError("nothing to allow", f"add one or more of: {', '.join(arguments.ACCESS_FLAGS)}")
    from agentcore_sandbox.account import policies

    Output(as_json=as_json).document(policies.execution(grants))
    return 0
