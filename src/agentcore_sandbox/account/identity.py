"""Whose credentials these are, and what IAM's simulator says they may do.

The simulator evaluates the policies of a user or role, permissions boundaries and service control policies, but not a
session policy (IAM user guide, "Testing IAM policies with the IAM policy simulator").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.aws.errors import code_of, translated
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

    from agentcore_sandbox.aws.connect import Connection

_USER = re.compile(r"arn:[^:]+:iam::[0-9]{12}:user/.+")
_ASSUMED = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<name>[^/]+)/.+")


@dataclass(frozen=True)
class Identity:
    """A caller: the account's 12 digits, and the ARN of the user or of the assumed role's session."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """The partition, such as aws or aws-cn."""
        return self.arn.split(":")[1]


def identify(connection: Connection) -> Identity:
    """Ask STS, which needs no permission.

    Raises:
        AgentcoreSandboxError: No credentials can be used, or STS cannot be reached.
    """
    with translated(connection.settings):
        answer = connection.client("sts").get_caller_identity()
    return Identity(answer["Account"], answer["Arn"])


@dataclass(frozen=True)
class Decision:
    """What the simulator decides.

    Attributes:
        principal: ARN of the user or role whose policies were evaluated.
        verdict: allowed, explicitDeny or implicitDeny.
        missing: Condition keys that the policies use and the simulator was not given.
    """

    principal: str
    verdict: str
    missing: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the action is allowed."""
        return self.verdict == "allowed"


def simulate(connection: Connection, caller: str, action: str, resource: str) -> Decision:
    """Ask about one action on the resource with an ARN, for a caller as STS identifies it.

    Raises:
        AgentcoreSandboxError: `UnknownPrincipal`: this kind of caller has no IAM policies.
        ClientError: The credentials may not use the simulator.
    """
    iam: IAMClient = connection.client("iam")
    principal = _principal(iam, caller)
    answer = iam.simulate_principal_policy(PolicySourceArn=principal, ActionNames=[action], ResourceArns=[resource])
    (result,) = answer["EvaluationResults"]
    return Decision(principal, result["EvalDecision"], tuple(result.get("MissingContextValues", ())))


def _principal(iam: IAMClient, caller: str) -> str:
    if _USER.fullmatch(caller):
        return caller
    assumed = _ASSUMED.fullmatch(caller)
    if not assumed:
        raise AgentcoreSandboxError("UnknownPrincipal", f"{caller} is neither a user nor a role")
    try:  # the session's ARN lacks the role's path
        return iam.get_role(RoleName=assumed["name"])["Role"]["Arn"]
    except Exception as error:
        if code_of(error) != "AccessDenied":
            raise
        return f"arn:{assumed['partition']}:iam::{assumed['account']}:role/{assumed['name']}"
