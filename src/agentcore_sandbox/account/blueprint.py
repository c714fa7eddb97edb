"""What `setup` shall make, and what its parts are called. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.account.identity import Identity
    from agentcore_sandbox.account.interpreters import Network
    from agentcore_sandbox.account.policies import Grant


@dataclass(frozen=True)
class Blueprint:
    """What shall be there.

    Attributes:
        name: Of the interpreter; role and policy are named after it.
        network: What code can reach; None where it does not matter, for a teardown.
        grants: What code may do.
        with_listing: Callers may also see sessions.
        tags: For everything.
    """

    name: str
    network: Network | None = None
    grants: Sequence[Grant] = ()
    with_listing: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where things are made.

    Attributes:
        identity: Who makes them.
        region: In which region.
    """

    identity: Identity
    region: str

    def role_name(self, name: str) -> str:
        """The role's name; AWS's own policy BedrockAgentCoreFullAccess may pass roles that are called like this."""
        return f"BedrockAgentCore-{name}-{self.region}"

    def policy_name(self, name: str) -> str:
        """The name of the policy for callers."""
        return f"{self.role_name(name)}-caller"

    def iam_arn(self, path: str) -> str:
        """The ARN of something in IAM, such as `role/NAME`."""
        return f"arn:{self.identity.partition}:iam::{self.identity.account}:{path}"
