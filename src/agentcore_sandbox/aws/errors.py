"""Exceptions of boto3, botocore and urllib3 as errors that name the cause and the remedy.

Messages of the libraries are passed on only where they cannot hold a secret: a refused signature's message may
quote the request's headers, a credential process's may quote its output.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import eventstream, exceptions
from urllib3 import exceptions as urllib3_exceptions

from agentcore_sandbox.errors import (
    AgentcoreSandboxError,
    LostAnswerError,
    SessionGoneError,
    SessionOverError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_sandbox.settings import Settings

LOGIN_HINT = "log in again (aws sso login, aws login, or whatever renews the credentials of this profile)"
NETWORK_HINT = "check the network, the proxy settings, the region and --endpoint-url"
SMALLER_HINT = "put the data into a file of the session, or run it in parts"
LONGER_HINT = "for longer work use --follow or `agentcore-sandbox job start` (up to 8 hours)"
TRY_AGAIN = "try again"
MAY_HAVE_RUN = "the program may have run; it was not sent a second time"

# Botocore's credential errors: class name -> code, what happened, what to do.
_CREDENTIALS = {
    "NoCredentialsError": (
        "NoCredentials",
        "no AWS credentials found",
        "set --profile, or log in (aws sso login, aws login), or try --interpreter-id local, which needs none",
    ),
    "PartialCredentialsError": (
        "NoCredentials",
        "the AWS credentials are incomplete",
        "set both, key and secret key, as variables or in the profile",
    ),
    "SSOTokenLoadError": ("SsoSessionExpired", "there is no SSO session", "run: aws sso login{profile}"),
    "UnauthorizedSSOTokenError": (
        "SsoSessionExpired",
        "the SSO session has expired",
        "run: aws sso login{profile}",
    ),
    "TokenRetrievalError": (
        "SsoSessionExpired",
        "the SSO session has expired",
        "run: aws sso login{profile}",
    ),
    "LoginRefreshRequired": (
        "ExpiredCredentials",
        "the login session has expired",
        "run: aws login{profile}",
    ),
    "LoginTokenLoadError": ("ExpiredCredentials", "there is no login session", "run: aws login{profile}"),
    "LoginInsufficientPermissions": (
        "AccessDenied",
        "the login may not get credentials",
        "run: aws login{profile}",
    ),
    "LoginAuthorizationCodeError": (
        "ExpiredCredentials",
        "the login session is not valid",
        "run: aws login{profile}",
    ),
    "CredentialRetrievalError": (
        "NoCredentials",
        "the profile's credential source failed",
        "run it by hand to see why: aws sts get-caller-identity{profile}",
    ),
    "MissingDependencyException": (
        "NoCredentials",
        "this profile needs the AWS Common Runtime, which this build does not carry",
        "use the zipapp of your platform instead of the 'any' one, or another profile",
    ),
}

_UNKNOWN = ("InvalidCredentials", "AWS does not know these credentials", LOGIN_HINT)
_UNSIGNED = (
    "InvalidCredentials",
    "the request's signature was refused",
    "check the secret key, and that this machine's clock is right",
)
_CLOCK = ("InvalidCredentials", "the request's time was refused", "set this machine's clock right")

# Error codes of the service and of STS: code, what happened (None: the service's own words), what to do (None: what is
# known after a loss).
_SERVICE = {
    "ExpiredToken": ("ExpiredCredentials", "the AWS credentials have expired", LOGIN_HINT),
    "ExpiredTokenException": ("ExpiredCredentials", "the AWS credentials have expired", LOGIN_HINT),
    "UnrecognizedClientException": _UNKNOWN,
    "InvalidClientTokenId": _UNKNOWN,
    "InvalidAccessKeyId": _UNKNOWN,
    "InvalidSignatureException": _UNSIGNED,
    "SignatureDoesNotMatch": _UNSIGNED,
    "IncompleteSignature": _UNSIGNED,
    "ServiceQuotaExceededException": (
        "QuotaExceeded",
        None,
        "stop sessions that are not needed (agentcore-sandbox sessions, stop), or ask AWS for a higher quota",
    ),
    "ThrottlingException": ("Throttled", None, "wait a little, then try again; run fewer at once"),
    "InternalServerException": ("ServiceFailed", None, None),
    "InternalFailure": ("ServiceFailed", None, None),
    "ServiceUnavailable": ("ServiceFailed", None, None),
    "ServiceUnavailableException": ("ServiceFailed", None, None),
    "RequestEntityTooLargeException": ("PayloadTooLarge", None, SMALLER_HINT),
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "ValidationException": ("InvalidRequest", None, "check the values given"),
    "ConflictException": ("Conflict", None, "look at the session's state: agentcore-sandbox sessions --all"),
}
# The quota of sessions is met before a stream begins; in it, one invoke took too long or printed too much.
_IN_STREAM = {"ServiceQuotaExceededException": ("QuotaExceeded", None, f"{LONGER_HINT}; print little, or into a file")}
_TYPES = {"Throttled": TransientError, "ServiceFailed": LostAnswerError}

_LONGEST_MESSAGE = 200  # characters of a page that a stranger answered with
_GONE = re.compile(r"is not active|already terminated", re.IGNORECASE)
_DENIED = re.compile(r"not authorized to perform: (?P<action>\S+)(?: on resource: (?P<resource>\S+))?")


@dataclass(frozen=True)
class Request:
    """What an error message says about the request that failed.

    Attributes:
        settings: Where it was sent, and as whom.
        session_id: Its session, if it has one.
        if_lost: The hint where it is not known whether the request arrived.
    """

    settings: Settings
    session_id: str | None = None
    if_lost: str = TRY_AGAIN


def translate(error: BaseException, request: Request) -> AgentcoreSandboxError:
    """Turn any exception of an AWS call into one that says what happened and what to do."""
    if isinstance(error, AgentcoreSandboxError):
        return error
    if isinstance(error, (exceptions.ClientError, exceptions.EventStreamError)):
        in_stream = isinstance(error, exceptions.EventStreamError)
        return _from_service(error.response, request, in_stream=in_stream)
    return _credentials(error, request) or _transport(error, request) or _configuration(error, request)


def _credentials(error: BaseException, request: Request) -> AgentcoreSandboxError | None:
    for kind in type(error).__mro__:
        if kind.__name__ in _CREDENTIALS:
            code, message, hint = _CREDENTIALS[kind.__name__]
            profile = request.settings.profile
            return AgentcoreSandboxError(code, message, hint.format(profile=f" --profile {profile}" if profile else ""))
    return None


def _transport(error: BaseException, request: Request) -> AgentcoreSandboxError | None:
    if isinstance(error, eventstream.InvalidPayloadLength):
        return AgentcoreSandboxError(
            "OutputTooLarge",
            "the result is larger than the 24 MiB that a message may have",
            "print less, or write to a file and read it in parts; the program has run",
        )
    if isinstance(error, eventstream.ParserError):
        return LostAnswerError("BrokenStream", f"the answer was damaged: {error}", request.if_lost)
    if isinstance(error, exceptions.SSLError):
        return TransientError("NoNetwork", f"no secure connection: {error}", NETWORK_HINT)
    if isinstance(error, exceptions.ConnectionError):
        return _unreachable(_place(error), request.settings)
    if isinstance(error, (exceptions.HTTPClientError, urllib3_exceptions.HTTPError, ConnectionError, TimeoutError)):
        kind = "it stayed silent too long" if "Timeout" in type(error).__name__ else "the connection broke"
        return LostAnswerError("ConnectionLost", f"no complete answer: {kind}", request.if_lost)
    return None


def _unreachable(place: str, settings: Settings) -> AgentcoreSandboxError:
    if not settings.is_local:
        return TransientError("NoNetwork", f"cannot reach {place}", NETWORK_HINT)
    hint = "its sessions ended with it; the next call starts it anew"
    if settings.endpoint_url:
        hint = "start it: agentcore-sandbox local serve; or leave the endpoint out, and it starts by itself"
    return SessionOverError("LocalServiceGone", f"the emulator has ended: nobody answers at {place}", hint)


def _place(error: exceptions.ConnectionError) -> str:
    """Who could not be reached: the service, one that gives credentials, or a proxy, whose password botocore masks."""
    if proxy := error.kwargs.get("proxy_url"):
        return f"the proxy {proxy}"
    url = urlsplit(str(error.kwargs.get("endpoint_url") or ""))
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}" if url.netloc else "AWS"


def _configuration(error: BaseException, request: Request) -> AgentcoreSandboxError:
    if isinstance(error, exceptions.ProfileNotFound):
        message = f"there is no AWS profile {request.settings.profile or error.kwargs['profile']!r}"
        return AgentcoreSandboxError("UnknownProfile", message, "list them with: aws configure list-profiles")
    if isinstance(error, exceptions.NoRegionError):
        hint = "set --region, CUSTOM_AGENTCORE_AWS_REGION, AWS_REGION or the profile's region"
        return AgentcoreSandboxError("NoRegion", "no AWS region is set", hint)
    if isinstance(error, (exceptions.BotoCoreError, OSError)):
        return AgentcoreSandboxError("AwsConfiguration", str(error), "check the AWS configuration")
    raise error


def _from_service(response: Any, request: Request, *, in_stream: bool) -> AgentcoreSandboxError:
    details = response.get("Error") or {}
    code, message = details.get("Code") or "Unknown", details.get("Message") or "no message"
    code = code[0].upper() + code[1:]  # inside a stream an exception has its member's name, throttlingException
    if code in ("AccessDeniedException", "AccessDenied"):
        return access_denied(message)
    if request.session_id and (code == "ResourceNotFoundException" or _GONE.search(message)):
        # One of the service's three ways to say so (docs/service.md, Sessions). Before the stream, nothing has run.
        return SessionGoneError(request.session_id, message, may_have_run=in_stream)
    if code == "ResourceNotFoundException":
        hint = "check --interpreter-id and --region; a custom interpreter exists in one region only"
        return AgentcoreSandboxError("UnknownInterpreter", message, hint)
    if code.isdecimal():
        return _from_status(code, message, request)
    known = _SERVICE | _IN_STREAM if in_stream else _SERVICE
    name, words, hint = known.get(code, (code, None, "see the service's message"))
    kind = _TYPES.get(name, AgentcoreSandboxError)
    return kind(name, words or message, hint or request.if_lost)


def _from_status(status: str, message: str, request: Request) -> AgentcoreSandboxError:
    """An error of a proxy or another server, of which botocore takes the HTTP status for the code."""
    message = f"HTTP status {status}: {message[:_LONGEST_MESSAGE].strip()}"
    if status.startswith("5"):
        return LostAnswerError("ServiceFailed", message, request.if_lost)
    return AgentcoreSandboxError("HttpError", message, NETWORK_HINT)


def access_denied(message: str) -> AgentcoreSandboxError:
    """Name the missing permission, where the service does."""
    found = _DENIED.search(message)
    if not found:
        return AgentcoreSandboxError("AccessDenied", message, "ask for the missing permission")
    resource = (found["resource"] or "the interpreter").rstrip(".,")
    hint = f"allow {found['action']} on {resource} in the IAM policy of these credentials"
    return AgentcoreSandboxError("AccessDenied", f"not allowed: {found['action']} on {resource}", hint)


# Error codes of the account's services, where the words above do not fit. What happened is in the service's own words.
_ACCOUNT = {
    "ConflictException": ("Conflict", "look at it with: agentcore-sandbox interpreter list; stop its sessions first"),
    "ServiceQuotaExceededException": ("QuotaExceeded", "delete interpreters you do not need, or ask AWS for more"),
    "EntityAlreadyExists": ("NameTaken", "choose another name"),
    "LimitExceeded": ("QuotaExceeded", "remove what you do not need from IAM, or ask AWS for a higher quota"),
    "DeleteConflict": ("Conflict", "detach whatever still uses it, then try again"),
    "Throttling": ("Throttled", "wait a little, then try again"),
}


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Turn exceptions of calls to an account's services into errors that say what to do.

    Raises:
        AgentcoreSandboxError: A call failed.
    """
    try:
        yield
    except AgentcoreSandboxError:
        raise
    except Exception as error:
        raise _account_error(error) or translate(error, Request(settings)) from error


def _account_error(error: Exception) -> AgentcoreSandboxError | None:
    code = code_of(error)
    message = str(error.response["Error"].get("Message", code)) if isinstance(error, exceptions.ClientError) else ""
    if code == "UnauthorizedOperation":  # EC2's name for it
        return access_denied(message)
    if code in ("EntityAlreadyExists", "ConflictException") and not was_refused(error):
        return LostAnswerError("ConnectionLost", f"an answer was lost, and then: {message}", "try again")
    if code in _ACCOUNT:
        ours, hint = _ACCOUNT[code]
        return AgentcoreSandboxError(ours, message, hint)
    if code.startswith("Invalid") and "." in code:  # EC2: InvalidSubnetID.NotFound
        return AgentcoreSandboxError("InvalidRequest", message, "check the ids, --region and --profile")
    return None


def code_of(error: BaseException) -> str:
    """The service's error code, empty for an error that no service sent."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, exceptions.ClientError) else ""


def was_refused(error: BaseException) -> bool:
    """Whether a request certainly had no effect: the service refused its first and only attempt."""
    cause = error.__cause__ if isinstance(error, AgentcoreSandboxError) else error
    if not isinstance(cause, exceptions.ClientError):
        return False
    metadata = cause.response.get("ResponseMetadata", {})
    status: int = metadata.get("HTTPStatusCode", 0)
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_refusal and not metadata.get("RetryAttempts")
