"""Errors of start, stop, get and list by botocore's Stubber, which covers these operations but not the event stream."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions
from botocore.stub import Stubber

from agentcore_sandbox.aws.connect import connect
from agentcore_sandbox.aws.errors import RequestContext, translate
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient

SETTINGS = Settings("aws.codeinterpreter.v1", profile="work", region="us-west-2", endpoint_url="http://127.0.0.1:1")
CALLS: dict[str, Callable[[SessionClient], Any]] = {
    "start_code_interpreter_session": lambda interpreter: interpreter.start(name="n", lifetime=900),
    "stop_code_interpreter_session": lambda interpreter: interpreter.stop("S1"),
    "get_code_interpreter_session": lambda interpreter: interpreter.lifetime("S1"),
    "list_code_interpreter_sessions": lambda interpreter: list(interpreter.sessions()),
}
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: "
    "bedrock-agentcore:StartCodeInterpreterSession on resource: arn:aws:bedrock-agentcore:us-west-2:aws:"
    "code-interpreter/aws.codeinterpreter.v1 because no identity-based policy allows it"
)
START, STOP, GET, LIST = CALLS
CASES = [
    (
        START,
        "AccessDeniedException",
        DENIED,
        "AccessDenied",
        "bedrock-agentcore:StartCodeInterpreterSession on arn:aws:",
    ),
    (START, "AccessDeniedException", "no", "AccessDenied", "no"),
    (START, "ResourceNotFoundException", "no such interpreter", "UnknownInterpreter", "no such interpreter"),
    (START, "ServiceQuotaExceededException", "1000 sessions", "QuotaExceeded", "1000 sessions"),
    (START, "ThrottlingException", "Rate exceeded", "Throttled", "Rate exceeded"),
    (START, "ExpiredTokenException", "expired", "ExpiredCredentials", "have expired"),
    (START, "UnrecognizedClientException", "token", "InvalidCredentials", "does not know"),
    (START, "InvalidSignatureException", "Canonical: x-amz-security-token:SECRET", "InvalidCredentials", "refused"),
    (START, "ValidationException", "name is bad", "InvalidRequest", "name is bad"),
    (START, "SomethingNewException", "what", "SomethingNewException", "what"),
    (START, "RequestEntityTooLargeException", "too large", "PayloadTooLarge", "too large"),
    (START, "RequestTimeTooSkewed", "skewed", "InvalidCredentials", "time was refused"),
    (START, "502", "Bad Gateway", "ServiceFailed", "HTTP status 502: Bad Gateway"),
    (START, "404", "<html>" + "x" * 1000, "HttpError", "HTTP status 404: an HTML page"),
    (STOP, "ConflictException", "Session already terminated: S1", "SessionGone", "S1 is gone"),
    (STOP, "ResourceNotFoundException", "no such session", "SessionGone", "S1 is gone"),
    (STOP, "ValidationException", "Code interpreter session S1 is not active", "SessionGone", "S1 is gone"),
    (STOP, "ConflictException", "busy", "Conflict", "busy"),
    (GET, "ResourceNotFoundException", "no such session", "SessionGone", "S1 is gone"),
    (LIST, "ResourceNotFoundException", "no such interpreter", "UnknownInterpreter", "no such interpreter"),
    (LIST, "InternalServerException", "oops", "ServiceFailed", "oops"),
]


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[tuple[SessionClient, Stubber]]:
    config = tmp_path / "config"
    config.write_text("[profile work]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = dummy\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    client = connect(SETTINGS)
    with Stubber(client._client) as stubber:
        yield client, stubber


@pytest.mark.parametrize(("operation", "service_code", "message", "code", "words"), CASES)
def test_error_of_the_service(
    interpreter: tuple[SessionClient, Stubber],
    operation: str,
    service_code: str,
    message: str,
    code: str,
    words: str,
) -> None:
    client, stubber = interpreter
    stubber.add_client_error(operation, service_code, message)
    with pytest.raises(AgentcoreSandboxError) as caught:
        CALLS[operation](client)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint
    assert "SECRET" not in f"{caught.value.message} {caught.value.hint}"


def test_pages_are_followed(interpreter: tuple[SessionClient, Stubber]) -> None:
    client, stubber = interpreter
    item = {"codeInterpreterIdentifier": "x", "sessionId": "S1", "status": "READY", "createdAt": "2026-11-23T10:00:00Z"}
    first = {"codeInterpreterIdentifier": "aws.codeinterpreter.v1", "maxResults": 100, "status": "READY"}
    stubber.add_response(LIST, {"items": [item], "nextToken": "t"}, first)
    stubber.add_response(LIST, {"items": [{**item, "sessionId": "S2"}]}, {**first, "nextToken": "t"})
    assert [session.session_id for session in client.sessions(status="READY")] == ["S1", "S2"]


LIBRARY = [
    (exceptions.NoCredentialsError(), "NoCredentials", "--interpreter-id local"),
    (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "NoCredentials", "secret key"),
    (exceptions.SSOTokenLoadError(error_msg="x"), "SsoSessionExpired", "aws sso login --profile work"),
    (exceptions.UnauthorizedSSOTokenError(), "SsoSessionExpired", "aws sso login --profile work"),
    (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), "SsoSessionExpired", "aws sso login"),
    (exceptions.LoginRefreshRequired(), "ExpiredCredentials", "aws login --profile work"),
    (
        exceptions.CredentialRetrievalError(provider="process", error_msg="SECRET"),
        "NoCredentials",
        "get-caller-identity",
    ),
    (exceptions.ProfileNotFound(profile="work"), "UnknownProfile", "list-profiles"),
    (exceptions.NoRegionError(), "NoRegion", "--region"),
    (exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "NoNetwork", "network"),
    (
        exceptions.ProxyConnectionError(proxy_url="http://***:***@127.0.0.1:1", error=OSError("SECRET")),
        "NoNetwork",
        "proxy settings",
    ),
    (exceptions.SSLError(endpoint_url="https://x", error=ValueError("bad certificate")), "NoNetwork", "network"),
    (
        exceptions.SSLError(endpoint_url="https://x", error=ValueError("[SSL: CERTIFICATE_VERIFY_FAILED] x")),
        "NoNetwork",
        "AWS_CA_BUNDLE",
    ),
    (exceptions.ProxyConnectionError(proxy_url="http://socks5://SECRET@h:1", error="x"), "AwsConfiguration", "HTTPS_"),
    (exceptions.PaginationError(message="the same next token"), "UnexpectedAnswer", "report"),
    (exceptions.RefreshWithMFAUnsupportedError(), "ExpiredCredentials", "again"),
    (exceptions.ConfigParseError(path="/x"), "AwsConfiguration", "configuration"),
    (PermissionError(13, "Permission denied"), "AwsConfiguration", "configuration"),
]


@pytest.mark.parametrize(("error", "code", "hint"), LIBRARY, ids=lambda value: type(value).__name__)
def test_error_of_the_library(error: Exception, code: str, hint: str) -> None:
    translated = translate(error, RequestContext(SETTINGS))
    assert (translated.code, hint in translated.hint) == (code, True)
    assert "SECRET" not in f"{translated.message} {translated.hint}"


def test_a_bug_is_not_dressed_up_as_an_aws_error() -> None:
    with pytest.raises(KeyError):
        translate(KeyError("x"), RequestContext(SETTINGS))


def instance(kind: type[exceptions.BotoCoreError]) -> Exception:
    """An exception of botocore with something for each field of its message."""
    fields = {name: "x" for _, name, _, _ in string.Formatter().parse(kind.fmt) if name}
    return kind(**fields)


KINDS = [
    kind
    for kind in vars(exceptions).values()
    if isinstance(kind, type) and issubclass(kind, exceptions.BotoCoreError) and kind is not exceptions.WaiterError
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_of_botocore_has_a_sentence_and_a_remedy(kind: type[exceptions.BotoCoreError]) -> None:
    error = translate(instance(kind), RequestContext(SETTINGS))
    assert error.code != "Internal"
    assert error.message
    assert error.hint
