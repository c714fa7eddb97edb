"""Connect the commands to AWS, whose libraries are imported only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentcore_sandbox.aws_clients import Connection
    from agentcore_sandbox.client import CodeInterpreter
    from agentcore_sandbox.settings import Settings


def connect(settings: Settings) -> CodeInterpreter:
    """Make a client.

    Args:
        settings: Where to run.

    Raises:
        AgentcoreSandboxError: Profile, region or credentials cannot be used.
    """
    _prepare(settings)
    from agentcore_sandbox.client import CodeInterpreter

    return CodeInterpreter(settings)


def connect_account(settings: Settings) -> Connection:
    """Connect to the account: its control plane and other services.

    Args:
        settings: Which account and region.

    Raises:
        AgentcoreSandboxError: Profile or configuration cannot be used.
    """
    _prepare(settings)
    from agentcore_sandbox import aws_clients
    from agentcore_sandbox.account.errors import translated

    with translated(settings):
        return aws_clients.connect(settings)


def _prepare(settings: Settings) -> None:
    """Bring in what the profile needs; afterwards, once botocore is imported, would be too late."""
    if not settings.is_local:
        from agentcore_sandbox import native

        native.enable_awscrt_for(settings.profile)
