"""Which code interpreters there are, by id or ARN."""

from __future__ import annotations

import re

from agentcore_sandbox.local.service import errors

LOCAL = "local"
SYSTEM = "aws.codeinterpreter.v1"
_SAME = {LOCAL: LOCAL, SYSTEM: LOCAL}
_ARN = re.compile(
    r"arn:aws(?:-[a-z]+)*:bedrock-agentcore:[a-z0-9-]+:(?:[0-9]{12}|aws):code-interpreter(?:-custom)?/(.+)"
)


def identifier(id_or_arn: str) -> str:
    """Return the id part of an ARN, or the id itself."""
    match = _ARN.fullmatch(id_or_arn)
    return match[1] if match else id_or_arn


def resolve(id_or_arn: str) -> str:
    """Return the interpreter that sessions belong to: `local`, which the system interpreter's id means here as well.

    Raises:
        ServiceError: ResourceNotFoundException. Its text is assumed.
    """
    name = _SAME.get(identifier(id_or_arn))
    if name is None:
        raise errors.not_found(f"Code interpreter {id_or_arn} not found; the embedded service has {LOCAL} and {SYSTEM}")
    return name
