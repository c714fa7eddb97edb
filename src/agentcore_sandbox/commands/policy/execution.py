"""Print the policy of an execution role: what code in the sandbox may do, whoever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.account import access
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `policy execution`."""
    access.add_arguments(parser)
    options.add_json(parser)


def run(*, as_json: bool, **given: Sequence[str]) -> int:
    """Print the document.

    Args:
        as_json: On one line.
        given: The flags of `access.add_arguments`.
    """
    grants = access.read(given)
    if not grants:
        raise UsageError("nothing to allow", f"add one or more of: {', '.join(access.FLAGS)}")
    from agentcore_sandbox.account import policies

    Output(as_json=as_json).document(policies.execution(grants))
    return 0
