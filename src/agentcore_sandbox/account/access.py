"""The flags that say what code in the sandbox may reach with its execution role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.account.policies import Grant

# Flag: what it allows. A test holds them against `account.policies.ACCESS`, which start-up does not load.
FLAGS = {
    "--logs-group": "query this CloudWatch log group with Logs Insights",
    "--s3-read": "list this bucket and read its objects",
    "--s3-write": "write objects into this bucket",
    "--dynamodb-read": "read this table and its indexes",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags; each may be repeated."""
    group = parser.add_argument_group("what code in the sandbox may do, with its execution role")
    for flag, about in FLAGS.items():
        group.add_argument(flag, metavar="ARN", action="append", default=[], help=about)


def names() -> list[str]:
    """The flags as argparse names their values."""
    return [flag.strip("-").replace("-", "_") for flag in FLAGS]


def read(given: Mapping[str, Sequence[str]]) -> tuple[Grant, ...]:
    """Read the flags.

    Args:
        given: Name of each flag as argparse has it -> ARNs.

    Raises:
        UsageError: An ARN is not one of such a resource.
    """
    from agentcore_sandbox.account import policies

    return tuple(policies.grant(name, arn) for name, arns in given.items() for arn in arns)
