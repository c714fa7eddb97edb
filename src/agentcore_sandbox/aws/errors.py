"""Exceptions of boto3, botocore and urllib3 as errors that name the cause and the remedy.

A library's message is shown only where it cannot contain a secret: that of a refused signature may quote the request's
headers, that of a credential process its output.
"""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore import exceptions, parsers
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.session import get_session

from agentcore_sandbox.aws.credentials import SOURCES
from agentcore_sandbox.errors import (
    AgentcoreSandboxError,
    LostAnswerError,
    SessionGoneError,
    TransientError,
    UnexpectedAnswerError,
)
from agentcore_sandbox.near import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentcore_sandbox.settings import Settings

LOGIN_HINT = "log in again (aws sso login, aws login, or whatever renews the credentials of this profile)"
NETWORK_HINT = "check the network, the proxy settings, the region and --endpoint-url"
SMALLER_HINT = "put the data into a file of the session, or run it in parts"
LONGER_HINT = "for longer work use --follow or `agentcore-sandbox job start` (up to 8 hours)"
QUOTA_HINT = "stop sessions you do not need (agentcore-sandbox sessions, stop), or ask AWS for a higher quota"
TRY_AGAIN = "try again"
MAY_HAVE_RUN = "the program may have run; it was not sent a second time"

_SSO_LOGIN, _LOGIN = "run: aws sso login{profile}", "run: aws login{profile}"
_SSO_EXPIRED = ("SsoSessionExpired", "the SSO session has expired", _SSO_LOGIN)
# botocore's credential errors: class name -> code, message, hint.
_CREDENTIALS = {
    "NoCredentialsError": (
        "NoCredentials",
        "no AWS credentials found",
        "set --profile, or log in (aws sso login, aws login), or try --interpreter-id local, which needs none",
    ),
    "PartialCredentialsError": (
        "NoCredentials",
        "the AWS credentials are incomplete",
        "set both the access key and the secret key, as variables or in the profile",
    ),
    "SSOTokenLoadError": ("SsoSessionExpired", "there is no SSO session", _SSO_LOGIN),
    "UnauthorizedSSOTokenError": _SSO_EXPIRED,
    "TokenRetrievalError": _SSO_EXPIRED,
    "LoginRefreshRequired": ("ExpiredCredentials", "the login session has expired", _LOGIN),
    "LoginTokenLoadError": ("ExpiredCredentials", "there is no login session", _LOGIN),
    "LoginInsufficientPermissions": ("AccessDenied", "the login may not get credentials", _LOGIN),
    "LoginAuthorizationCodeError": ("ExpiredCredentials", "the login session is not valid", _LOGIN),
    "LoginError": ("ExpiredCredentials", "the login session cannot be renewed", _LOGIN),
    "CredentialRetrievalError": (
        "NoCredentials",
        "the credential source failed: {provider}",
        "run it by hand to see why: aws sts get-caller-identity{profile}",
    ),
    "RefreshWithMFAUnsupportedError": (
        "ExpiredCredentials",
        "the credentials have expired, and new ones need another MFA code",
        "run the command again",
    ),
    "MissingDependencyException": (
        "NoCredentials",
        "this profile needs the AWS Common Runtime, which this build does not carry",
        "use the zipapp of your platform instead of the 'any' one, or another profile",
    ),
}

# botocore's errors that do not name the setting: class name -> variable and key in the configuration.
_SETTINGS = {
    "InvalidDefaultsMode": "AWS_DEFAULTS_MODE (defaults_mode)",
    "InvalidIMDSEndpointError": "AWS_EC2_METADATA_SERVICE_ENDPOINT (ec2_metadata_service_endpoint)",
    "InvalidIMDSEndpointModeError": "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (ec2_metadata_service_endpoint_mode)",
    "InvalidMaxRetryAttemptsError": "AWS_MAX_ATTEMPTS (max_attempts)",
    "InvalidRegionError": "--region, AWS_REGION, AWS_DEFAULT_REGION (region)",
    "InvalidRetryConfigurationError": "AWS_MAX_ATTEMPTS (max_attempts)",
    "InvalidRetryModeError": "AWS_RETRY_MODE (retry_mode)",
    "InvalidSTSRegionalEndpointsConfigError": "AWS_STS_REGIONAL_ENDPOINTS (sts_regional_endpoints)",
    "MetadataRetrievalError": "AWS_CONTAINER_CREDENTIALS_FULL_URI, or the instance metadata service",
}

_UNKNOWN = ("InvalidCredentials", "AWS does not know these credentials", LOGIN_HINT)
_UNSIGNED = ("InvalidCredentials", "the signature was refused", "check the secret key and this machine's clock")
_EXPIRED = ("ExpiredCredentials", "the AWS credentials have expired", LOGIN_HINT)
_FAILED = ("ServiceFailed", None, None)
_CLOCK = ("InvalidCredentials", "the request's time was refused", "set this machine's clock right")

# Error codes of the data plane and of STS: code, message (None: the service's), hint (None: the request's `if_lost`).
_SERVICE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "UnrecognizedClientException": _UNKNOWN,
    "InvalidClientTokenId": _UNKNOWN,
    "InvalidAccessKeyId": _UNKNOWN,
    "InvalidSignatureException": _UNSIGNED,
    "SignatureDoesNotMatch": _UNSIGNED,
    "IncompleteSignature": _UNSIGNED,
    "ServiceQuotaExceededException": ("QuotaExceeded", None, QUOTA_HINT),
    "ThrottlingException": ("Throttled", None, "wait a little, then try again; run fewer at once"),
    "InternalServerException": _FAILED,
    "InternalFailure": _FAILED,
    "ServiceUnavailable": _FAILED,
    "ServiceUnavailableException": _FAILED,
    "RequestEntityTooLargeException": ("PayloadTooLarge", None, SMALLER_HINT),
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "ValidationException": ("InvalidRequest", None, "check the values given"),
    "ConflictException": ("Conflict", None, "look at the session's state: agentcore-sandbox sessions --all"),
}
# Before the stream this is the quota of sessions; in the stream one invoke took too long or printed too much.
_IN_STREAM = {"ServiceQuotaExceededException": ("QuotaExceeded", None, f"{LONGER_HINT}; print little, or into a file")}
_TYPES = {"Throttled": TransientError, "ServiceFailed": LostAnswerError}

_LONGEST_CODE = 100
_LONGEST_MESSAGE = 200  # characters of a page that is not the service's
_GONE = re.compile(r"is not active|already terminated", re.IGNORECASE)
_DENIED = re.compile(r"not authorized to perform: (?P<action>\S+)(?: on resource: (?P<resource>\S+))?")


class RequestContext(NamedTuple):
    """What an error message says about the request that failed.

    Attributes:
        settings: Where it was sent, and as whom.
        session_id: Its session, if it has one.
        if_lost: The hint where it is not known whether the request arrived.
    """

    settings: Settings
    session_id: str | None = None
    if_lost: str = TRY_AGAIN


def translate(error: BaseException, request: RequestContext) -> AgentcoreSandboxError:
    """The error that explains an exception of an AWS call; a bug is raised as it is."""
    if isinstance(error, AgentcoreSandboxError):
        return error
    if isinstance(error, (exceptions.ClientError, exceptions.EventStreamError)):
        in_stream = isinstance(error, exceptions.EventStreamError)
        return _from_service(error.response, request, in_stream=in_stream)
    from agentcore_sandbox.aws import connection_errors  # here, because most calls have none

    return _credentials(error, request) or connection_errors.translate(error, request) or _configuration(error, request)


_PARSERS = (
    parsers.ResponseParserError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


def explain(error: BaseException, request: RequestContext) -> AgentcoreSandboxError:
    """As `translate`, for the exceptions of one request: botocore raises any where an answer is not the service's."""
    try:
        return translate(error, request)
    except _PARSERS:
        message = f"what answered is not AWS, or changed: {type(error).__name__}: {error}"
        hint = f"check --endpoint-url and the proxy settings; {request.if_lost}"
        return UnexpectedAnswerError(message, hint)


def _credentials(error: BaseException, request: RequestContext) -> AgentcoreSandboxError | None:
    for kind in type(error).__mro__:
        if kind.__name__ in _CREDENTIALS:
            code, message, hint = _CREDENTIALS[kind.__name__]
            profile = request.settings.profile
            if isinstance(error, exceptions.CredentialRetrievalError):
                provider = error.kwargs.get("provider", "")
                message = message.format(provider=SOURCES.get(provider, provider))
            return AgentcoreSandboxError(code, message, hint.format(profile=f" --profile {profile}" if profile else ""))
    return None


def _configuration(error: BaseException, request: RequestContext) -> AgentcoreSandboxError:
    if isinstance(error, exceptions.ProfileNotFound):
        name = str(request.settings.profile or error.kwargs["profile"])
        hint = f"{suggestion(name, get_session().available_profiles)}list them with: aws configure list-profiles"
        return AgentcoreSandboxError("UnknownProfile", f"there is no AWS profile {name!r}", hint)
    if isinstance(error, exceptions.PaginationError):
        return UnexpectedAnswerError(f"the service's list does not end: {error}", "try again; then report it to AWS")
    if isinstance(error, exceptions.NoRegionError):
        hint = "set --region, CUSTOM_AGENTCORE_AWS_REGION, AWS_REGION or the profile's region"
        return AgentcoreSandboxError("NoRegion", "no AWS region is set", hint)
    if isinstance(error, (exceptions.BotoCoreError, OSError)):
        setting = _SETTINGS.get(type(error).__name__) or _setting_in(str(error)) or "the AWS configuration"
        return AgentcoreSandboxError("AwsConfiguration", str(error), f"check {setting}")
    raise error


def _setting_in(message: str) -> str | None:
    """The setting that a message is about, by the key in the configuration that it names."""
    for name, (key, variable, *_) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        if variable and "_" in name and name in message:
            return f"{variable} ({key})"
    return None


def _from_service(response: Any, request: RequestContext, *, in_stream: bool) -> AgentcoreSandboxError:
    details = response.get("Error") or {}
    code, message = str(details.get("Code") or "Unknown"), str(details.get("Message") or "no message")
    code = code[0].upper() + code[1:]  # in a stream an exception has its member's name, throttlingException
    if code in ("AccessDeniedException", "AccessDenied"):
        return access_denied(message)
    if request.session_id and (code == "ResourceNotFoundException" or _GONE.search(message)):
        # One of the service's three answers for this (docs/service.md, Sessions). Before the stream nothing has run.
        return SessionGoneError(request.session_id, message, may_have_run=in_stream)
    if code == "ResourceNotFoundException":
        hint = "check --interpreter-id and --region; a custom interpreter exists in one region only"
        return AgentcoreSandboxError("UnknownInterpreter", message, hint)
    if code.isdecimal():
        return _from_status(code, message, request)
    known: dict[str, tuple[str, str | None, str | None]] = {**_SERVICE, **(_IN_STREAM if in_stream else {})}
    plain = re.sub(r"[^\w.:-]", "", code)[:_LONGEST_CODE] or "Unknown"
    name, words, remedy = known.get(code, (plain, None, "see the service's message"))
    kind = _TYPES.get(name, AgentcoreSandboxError)
    return kind(name, words or message, remedy or request.if_lost)


def _from_status(status: str, message: str, request: RequestContext) -> AgentcoreSandboxError:
    """An error of a proxy or another server, for which botocore takes the HTTP status as the code."""
    is_page = message.lstrip().startswith("<")
    said = "an HTML page, which AWS does not send" if is_page else message[:_LONGEST_MESSAGE].strip()
    message = f"HTTP status {status}: {said}"
    if status == str(HTTPStatus.TOO_MANY_REQUESTS.value):
        return TransientError("Throttled", message, "wait a little, then try again; run fewer at once")
    if status.startswith("5"):
        return LostAnswerError("ServiceFailed", message, request.if_lost)
    return AgentcoreSandboxError("HttpError", message, NETWORK_HINT)


def access_denied(message: str) -> AgentcoreSandboxError:
    """An error that names the missing permission, if the service names it."""
    found = _DENIED.search(message)
    if "MultiFactorAuthentication" in message:
        return AgentcoreSandboxError("AccessDenied", message, "try again with the next MFA code")
    if not found:
        return AgentcoreSandboxError("AccessDenied", message, "ask for the missing permission")
    resource = (found["resource"] or "the interpreter").rstrip(".,")
    hint = f"allow {found['action']} on {resource} in the IAM policy of these credentials"
    return AgentcoreSandboxError("AccessDenied", f"not allowed: {found['action']} on {resource}", hint)


# Error codes of other services, and of the control plane where it means something else: code, hint.
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
        raise _account_error(error) or explain(error, RequestContext(settings)) from error


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
