"""Who the credentials belong to, by STS. The call needs no permission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.aws.account_errors import translated

if TYPE_CHECKING:
    from agentcore_sandbox.aws.connection import Connection
    from agentcore_sandbox.settings import Settings


@dataclass(frozen=True)
class Identity:
    """A caller.

    Attributes:
        account: 12 digits.
        arn: Of the user or of the assumed role's session.
    """

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """The partition, such as aws or aws-cn."""
        return self.arn.split(":")[1]


def identify(connection: Connection, settings: Settings) -> Identity:
    """Ask STS who the caller is.

    Raises:
        AgentcoreSandboxError: There are no usable credentials, or STS cannot be reached.
    """
    with translated(settings):
        answer = connection.client("sts").get_caller_identity()
    return Identity(answer["Account"], answer["Arn"])
