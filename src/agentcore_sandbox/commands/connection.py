"""Connect the commands to the client, which is imported only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentcore_sandbox.client import CodeInterpreter
    from agentcore_sandbox.settings import Settings


def connect(settings: Settings) -> CodeInterpreter:
    """Make a client.

    Args:
        settings: Where to run.

    Raises:
        AgentcoreSandboxError: Profile, region or credentials cannot be used.
    """
    if not settings.is_local:
        from agentcore_sandbox import native

        native.enable_awscrt_for(settings.profile)  # before botocore is imported
    from agentcore_sandbox.client import CodeInterpreter

    return CodeInterpreter(settings)
