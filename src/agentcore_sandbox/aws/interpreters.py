"""Interpreters as values, which commands that call no AWS service use too. Pure.

Shapes are those of botocore's model of bedrock-agentcore-control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli.units import utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from agentcore_sandbox.aws.attachments import Attachments


@dataclass(frozen=True)
class Network:
    """What an interpreter's sessions can reach: PUBLIC, SANDBOX, or VPC with ids of subnets and security groups."""

    mode: str
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()

    def configuration(self) -> dict[str, Any]:
        """The API's `networkConfiguration`."""
        if self.mode != "VPC":
            return {"networkMode": self.mode}
        vpc = {"subnets": list(self.subnets), "securityGroups": list(self.security_groups)}
        return {"networkMode": self.mode, "vpcConfig": vpc}


@dataclass(frozen=True)
class Interpreter:
    """An interpreter as the control plane describes it; a listing has neither network, role, attachments nor failure.

    Tags are asked for separately: None where nobody has.

    Attributes:
        interpreter_id: `NAME-` and ten characters.
        status: CREATING, CREATE_FAILED, READY, DELETING, DELETE_FAILED or DELETED.
        role: ARN of the execution role.
        failure: Why it failed, empty if it did not.
    """

    interpreter_id: str
    arn: str
    name: str
    status: str
    created_at: datetime
    network: Network | None = None
    role: str | None = None
    failure: str = ""
    attachments: Attachments | None = None
    tags: Mapping[str, str] | None = None

    def described(self) -> dict[str, Any]:
        """The interpreter in the command line's JSON output."""
        described: dict[str, Any] = {
            "interpreterId": self.interpreter_id,
            "arn": self.arn,
            "name": self.name,
            "status": self.status,
            "createdAt": utc(self.created_at),
        }
        if self.network:
            described |= {
                "role": self.role,
                "networkMode": self.network.mode,
                "subnets": list(self.network.subnets),
                "securityGroups": list(self.network.security_groups),
                "failure": self.failure,
            }
        if self.attachments:
            described |= self.attachments.described()
        if self.tags is not None:
            described["tags"] = dict(self.tags)
        return described
