"""What `setup` makes: as values, and as a CloudFormation template. Pure.

The template's resource types and properties are those of the CloudFormation registry, which cfn-lint checks in the
tests. A managed policy has no tags there, so `setup` takes that of a stack for somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.account import policies
from agentcore_sandbox.account.arguments import LONGEST_SETUP_NAME
from agentcore_sandbox.aws.attachments import NOTHING, Attachments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.account.identity import Identity
    from agentcore_sandbox.account.policies import Document, Grant, Text
    from agentcore_sandbox.aws.interpreters import Network

SOURCE_ARN = {"Fn::Sub": "arn:${AWS::Partition}:bedrock-agentcore:${AWS::Region}:${AWS::AccountId}:*"}
ROLE_NAME = "BedrockAgentCore-${Name}-${AWS::Region}"
INTERPRETER_ARN = {"Fn::GetAtt": ["Interpreter", "CodeInterpreterArn"]}
OUTPUTS: Mapping[str, tuple[str, Any]] = {
    "InterpreterId": ("For --interpreter-id", {"Fn::GetAtt": ["Interpreter", "CodeInterpreterId"]}),
    "InterpreterArn": ("The interpreter", INTERPRETER_ARN),
    "RoleArn": ("The role of code in the sandbox", {"Fn::GetAtt": ["ExecutionRole", "Arn"]}),
    "CallerPolicyArn": ("Attach it to those who run code", {"Ref": "CallerPolicy"}),
}


@dataclass(frozen=True)
class Blueprint:
    """What `setup` is asked to create.

    Attributes:
        name: The interpreter's; role and policy are named after it.
        network: What code can reach; None for a teardown.
        grants: What code may do with its execution role.
        with_listing: Whether callers may also list sessions.
        tags: Of every resource.
        attached: File systems and certificates of each session.
    """

    name: str
    network: Network | None = None
    grants: Sequence[Grant] = ()
    with_listing: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    attached: Attachments = NOTHING

    def execution_policy(self) -> Document | None:
        """What code may do with its execution role; None for nothing."""
        mounts = self.attached.mounts
        return policies.execution(self.grants, mounts) if self.grants or mounts else None

    def caller_policy(self, interpreter: Text) -> Document:
        """What callers may do in the interpreter with this ARN."""
        certificates = self.attached.certificates
        return policies.caller(interpreter, with_listing=self.with_listing, certificates=certificates)


@dataclass(frozen=True)
class Place:
    """The account and region in which it is created."""

    identity: Identity
    region: str

    def role_name(self, name: str) -> str:
        """The role's name. AWS's managed policy BedrockAgentCoreFullAccess allows passing roles with this prefix."""
        return f"BedrockAgentCore-{name}-{self.region}"

    def policy_name(self, name: str) -> str:
        """The caller policy's name."""
        return f"{self.role_name(name)}-caller"

    def iam_arn(self, path: str) -> str:
        """The ARN of an IAM resource, given as `role/NAME`."""
        return f"arn:{self.identity.partition}:iam::{self.identity.account}:{path}"


def cloudformation(blueprint: Blueprint) -> Document:
    """The template that creates what `setup` does; name, subnets and security groups become default parameters."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "An Amazon Bedrock AgentCore Code Interpreter for agentcore-sandbox",
        "Parameters": _parameters(blueprint),
        "Resources": {
            "ExecutionRole": _role(blueprint),
            "Interpreter": _interpreter(blueprint),
            "CallerPolicy": _caller_policy(blueprint),
        },
        "Outputs": {name: {"Description": about, "Value": value} for name, (about, value) in OUTPUTS.items()},
    }


def _parameters(blueprint: Blueprint) -> Document:
    name = {
        "Type": "String",
        "Default": blueprint.name,
        "AllowedPattern": f"[a-zA-Z][a-zA-Z0-9_]{{0,{LONGEST_SETUP_NAME - 1}}}",
        "Description": "Of the interpreter; role and policy are named after it",
    }
    if not blueprint.network or blueprint.network.mode != "VPC":
        return {"Name": name}
    return {
        "Name": name,
        "Subnets": _list_of("AWS::EC2::Subnet::Id", "Private, in two Availability Zones", blueprint.network.subnets),
        "SecurityGroups": _list_of(
            "AWS::EC2::SecurityGroup::Id", "What they let out can be reached", blueprint.network.security_groups
        ),
    }


def _list_of(kind: str, about: str, default: Any) -> Document:
    return {"Type": f"List<{kind}>", "Description": about} | ({"Default": ",".join(default)} if default else {})


def _role(blueprint: Blueprint) -> Document:
    properties: Document = {
        "RoleName": {"Fn::Sub": ROLE_NAME},
        "AssumeRolePolicyDocument": policies.trust({"Ref": "AWS::AccountId"}, SOURCE_ARN),
        "Description": policies.ROLE_ABOUT,
        "Tags": policies.tag_list(blueprint.tags),
    }
    if document := blueprint.execution_policy():
        properties["Policies"] = [{"PolicyName": policies.INLINE_NAME, "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _interpreter(blueprint: Blueprint) -> Document:
    network: Document = {"NetworkMode": blueprint.network.mode if blueprint.network else "SANDBOX"}
    if network["NetworkMode"] == "VPC":
        network["VpcConfig"] = {"Subnets": {"Ref": "Subnets"}, "SecurityGroups": {"Ref": "SecurityGroups"}}
    properties: Document = {
        "Name": {"Ref": "Name"},
        "ExecutionRoleArn": {"Fn::GetAtt": ["ExecutionRole", "Arn"]},
        "NetworkConfiguration": network,
        "Tags": {**blueprint.tags, **policies.OWNER_TAG},
    }
    if blueprint.attached.certificates:
        locations = [{"CertificateLocation": {"SecretArn": arn}} for arn in blueprint.attached.certificates]
        properties["Certificates"] = locations
    return {"Type": "AWS::BedrockAgentCore::CodeInterpreterCustom", "Properties": properties}


def _caller_policy(blueprint: Blueprint) -> Document:
    properties = {
        "ManagedPolicyName": {"Fn::Sub": f"{ROLE_NAME}-caller"},
        "PolicyDocument": blueprint.caller_policy(INTERPRETER_ARN),
    }
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
