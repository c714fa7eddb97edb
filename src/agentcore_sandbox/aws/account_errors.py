"""Errors of the account's side, where the words of the data plane do not fit."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from agentcore_sandbox.aws import errors
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_sandbox.settings import Settings

BAD_REQUEST, SERVER_ERROR = HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR
# Error codes: our code, and what to do. What happened is in the service's own words.
_CODES = {
    "ConflictException": ("Conflict", "look at it with: agentcore-sandbox interpreter list; stop its sessions first"),
    "ServiceQuotaExceededException": ("QuotaExceeded", "delete interpreters that are not needed, or ask AWS for more"),
    "EntityAlreadyExists": ("NameTaken", "take another name"),
    "LimitExceeded": ("QuotaExceeded", "remove what is not needed from IAM, or ask AWS for a higher quota"),
    "DeleteConflict": ("Conflict", "detach what hangs on it, then try again"),
    "Throttling": ("Throttled", "wait a little, then try again"),
}


def code_of(error: BaseException) -> str:
    """The service's code of an error, empty where it is no service's."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def refused(error: BaseException) -> bool:
    """Whether a request certainly did nothing: the service said no to the first and only attempt."""
    cause = error.__cause__ if isinstance(error, AgentcoreSandboxError) else error
    if not isinstance(cause, ClientError):
        return False
    metadata = cause.response.get("ResponseMetadata", {})
    status: int = metadata.get("HTTPStatusCode", 0)
    return BAD_REQUEST <= status < SERVER_ERROR and not metadata.get("RetryAttempts")


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn the exceptions of AWS calls inside the block into errors that say what to do.

    Raises:
        AgentcoreSandboxError: A call failed.
    """
    try:
        yield
    except AgentcoreSandboxError:
        raise
    except Exception as error:
        raise _own(error) or errors.translate(error, errors.Context(settings)) from error


def _own(error: Exception) -> AgentcoreSandboxError | None:
    code = code_of(error)
    message = str(error.response["Error"].get("Message", code)) if isinstance(error, ClientError) else ""
    if code == "UnauthorizedOperation":  # EC2's word for it
        return errors.access_denied(message)
    if code in ("EntityAlreadyExists", "ConflictException") and not refused(error):
        return AgentcoreSandboxError("ConnectionLost", f"an answer was lost, and then: {message}", "try again")
    if code in _CODES:
        ours, hint = _CODES[code]
        return AgentcoreSandboxError(ours, message, hint)
    if code.startswith("Invalid") and "." in code:  # EC2: InvalidSubnetID.NotFound
        return AgentcoreSandboxError("InvalidRequest", message, "check the ids, --region and --profile")
    return None
