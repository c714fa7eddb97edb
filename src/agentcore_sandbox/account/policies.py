"""IAM policy documents: who may assume the role, what code in the sandbox may do, what callers may do. Pure.

Actions and their resource types are those of the Service Authorization Reference (bedrock-agentcore, logs, s3,
dynamodb); the trust policy is that of the developer guide, "Resource and session management". What mounts and
certificates need is of its "File system configurations for AgentCore Code Interpreter" and "Configure Root Certificate
Authority for AgentCore Code Interpreter".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import MANAGED_INTERPRETER
from agentcore_sandbox.aws.attachments import S3_FILES
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agentcore_sandbox.aws.attachments import Mount

VERSION = "2012-10-17"
SERVICE = "bedrock-agentcore.amazonaws.com"
OWNER_TAG = {"created-by": "agentcore-sandbox"}
INLINE_NAME = "execution"
ROLE_ABOUT = "Code in an AgentCore Code Interpreter session; created by agentcore-sandbox"
RUN_ACTIONS = (
    "bedrock-agentcore:StartCodeInterpreterSession",
    "bedrock-agentcore:InvokeCodeInterpreter",
    "bedrock-agentcore:StopCodeInterpreterSession",
)
LISTING_ACTIONS = (
    "bedrock-agentcore:GetCodeInterpreterSession",
    "bedrock-agentcore:ListCodeInterpreterSessions",
)

Document = dict[str, Any]
Text = str | dict[str, Any]
"""A string, or the CloudFormation function that returns one."""


@dataclass(frozen=True)
class Rule:
    """Actions on resources; `{}` in a resource stands for the ARN that the user gives."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True)
class Access:
    """A kind of access that an execution role can be given.

    Attributes:
        arn: Pattern of the resource's ARN.
        example: Such an ARN.
        rules: What is allowed.
        endpoint: The service's name in a VPC endpoint, `com.amazonaws.REGION.NAME`.
    """

    arn: str
    example: str
    rules: tuple[Rule, ...]
    endpoint: str


_ACCOUNT = r"[a-z0-9-]+:[0-9]{12}"
ACCESS = {
    "logs_group": Access(
        rf"arn:[a-z-]+:logs:{_ACCOUNT}:log-group:[A-Za-z0-9._/#-]+",
        "arn:aws:logs:us-east-1:111122223333:log-group:my-trail",
        (
            Rule(("logs:StartQuery", "logs:GetQueryResults"), ("{}", "{}:*")),
            # The reference has no resource type for these two: they cannot be limited to a log group.
            Rule(("logs:StopQuery", "logs:DescribeLogGroups"), ("*",)),
        ),
        "logs",
    ),
    "s3_read": Access(
        r"arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}",
        "arn:aws:s3:::my-bucket",
        (Rule(("s3:ListBucket",), ("{}",)), Rule(("s3:GetObject",), ("{}/*",))),
        "s3",
    ),
    "s3_write": Access(
        r"arn:[a-z-]+:s3:::[a-z0-9.-]{3,63}",
        "arn:aws:s3:::my-bucket",
        (Rule(("s3:PutObject",), ("{}/*",)),),
        "s3",
    ),
    "dynamodb_read": Access(
        rf"arn:[a-z-]+:dynamodb:{_ACCOUNT}:table/[A-Za-z0-9_.-]{{3,255}}",
        "arn:aws:dynamodb:us-east-1:111122223333:table/my-table",
        (
            Rule(("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:DescribeTable"), ("{}",)),
            Rule(("dynamodb:Query", "dynamodb:Scan"), ("{}", "{}/index/*")),
        ),
        "dynamodb",
    ),
}


@dataclass(frozen=True)
class Grant:
    """Access of a kind, which is a key of `ACCESS`, to one resource."""

    access: str
    arn: str


def grant(access: str, arn: str) -> Grant:
    """Validate an ARN; the `:*` that AWS shows at the end of a log group's is dropped.

    Raises:
        UsageError: It is not the ARN of such a resource.
    """
    kind = ACCESS[access]
    plain = arn.removesuffix(":*") if access == "logs_group" else arn
    if not re.fullmatch(kind.arn, plain):
        flag = access.replace("_", "-")
        raise UsageError(f"not a valid ARN for --{flag}: {arn!r}", f"it looks like {kind.example}")
    return Grant(access, plain)


def trust(account: Text, source_arn: Text) -> Document:
    """Let AgentCore assume the execution role, for the account's resources that match the ARN pattern."""
    statement = {
        "Sid": "AgentCoreOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source_arn}},
    }
    return {"Version": VERSION, "Statement": [statement]}


def execution(grants: Iterable[Grant], mounts: Iterable[Mount] = ()) -> Document:
    """What code in the sandbox may do, whoever calls: the role belongs to the interpreter. Needs a grant or a mount."""
    return {"Version": VERSION, "Statement": [*_statements(tuple(grants)), *_mounting(mounts)]}


def _mounting(mounts: Iterable[Mount]) -> Iterator[Document]:
    """Mount file systems, for reading and writing, through these access points only."""
    for number, mount in enumerate(mounts, start=1):
        actions = [f"{mount.service}:{action}" for action in ("ClientMount", "ClientWrite")]
        condition = {"StringEquals": {f"{mount.service}:AccessPointArn": mount.access_point}}
        yield {**_allow(f"Mount{number}", actions, mount.file_system), "Condition": condition}
        if mount.service == S3_FILES:  # which of the two resources it is limited by is assumed: both
            both = [mount.file_system, mount.access_point]
            yield _allow(f"AccessPoint{number}", [f"{S3_FILES}:GetAccessPoint"], both)


def _statements(grants: tuple[Grant, ...]) -> Iterator[Document]:
    for name, access in ACCESS.items():
        arns = sorted({grant.arn for grant in grants if grant.access == name})
        for number, rule in enumerate(access.rules if arns else (), start=1):
            resources = [resource.format(arn) for arn in arns for resource in rule.resources]
            yield _allow(f"{name.title().replace('_', '')}{number}", rule.actions, list(dict.fromkeys(resources)))


def caller(interpreter: Text, *, with_listing: bool = False, certificates: Sequence[str] = ()) -> Document:
    """What callers may do: run code in the interpreter with this ARN.

    Args:
        interpreter: The ARN.
        with_listing: Also allow what `sessions` and `stop --all` need.
        certificates: ARNs of the secrets that hold them: AgentCore reads these with the caller's credentials.
    """
    statements = [_allow("RunCode", RUN_ACTIONS, interpreter)]
    if with_listing:
        statements.append(_allow("SeeSessions", LISTING_ACTIONS, interpreter))
    if certificates:
        statements.append(_allow("ReadCertificates", ["secretsmanager:GetSecretValue"], list(certificates)))
    return {"Version": VERSION, "Statement": statements}


def _allow(sid: str, actions: Iterable[str], resource: Text | list[str]) -> Document:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def source_arn(partition: str, region: str, account: str) -> str:
    """The ARN pattern for `trust`: all AgentCore resources; only this one is documented."""
    return f"arn:{partition}:bedrock-agentcore:{region}:{account}:*"


def interpreter_arn(interpreter_id: str, partition: str, region: str, account: str) -> str:
    """The ARN of an interpreter; the system interpreter's names no account."""
    if interpreter_id == MANAGED_INTERPRETER:
        return f"arn:{partition}:bedrock-agentcore:{region}:aws:code-interpreter/{interpreter_id}"
    return f"arn:{partition}:bedrock-agentcore:{region}:{account}:code-interpreter-custom/{interpreter_id}"


def tag_list(tags: Mapping[str, str]) -> list[Any]:
    """Tags as IAM takes them, with the one that says who created the resource."""
    return [{"Key": key, "Value": value} for key, value in {**tags, **OWNER_TAG}.items()]
