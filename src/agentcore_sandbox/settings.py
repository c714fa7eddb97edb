"""Where to run: flags win over `CUSTOM_AGENTCORE_*` variables, those over AWS's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from agentcore_sandbox.api import INTERPRETER_ARN, INTERPRETER_ID, INTERPRETER_NAME, MANAGED_INTERPRETER
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.near import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOCAL_INTERPRETERS = ("local", "local-public")
"""Without network, and with this machine's."""
LOCAL_REGION = "us-east-1"
EXPORTED_ENDPOINT = "AGENTCORE_SANDBOX_ENV_ENDPOINT"
"""The variable with the endpoint that `local env` exported: another emulator may have taken its place since then."""
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST = r"[0-9A-Za-z._-]+|[0-9a-f:.]+"  # a name, or an IPv6 address
_TRACE_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

NO_INTERPRETER_HINT = (
    "choose one: --interpreter-id local (on Linux, no AWS account: code runs in a sandbox on this machine); "
    "--interpreter-id aws.codeinterpreter.v1 (AWS's own, without network); "
    "or the id, ARN or name of your own. CUSTOM_AGENTCORE_INTERPRETER_ID sets it for good"
)


class Flags(NamedTuple):
    """The connection flags as given, None for each that was not."""

    interpreter_id: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


class Settings(NamedTuple):
    """One resolved set of connection settings.

    Attributes:
        interpreter_id: Id, ARN or name of the interpreter, or a local one; empty where a command is about the account.
        profile: Of AWS; None, as for the region, for AWS's own rules.
        region: Of AWS.
        endpoint_url: Endpoint that replaces AWS's, or None.
    """

    interpreter_id: str
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether the emulator is meant, which is only ever chosen by name."""
        return self.interpreter_id in LOCAL_INTERPRETERS

    @property
    def is_name(self) -> bool:
        """Whether the interpreter is given by its name, so that AWS must be asked for the id."""
        return not self.is_local and re.fullmatch(INTERPRETER_NAME, self.interpreter_id) is not None

    @property
    def plain_id(self) -> str:
        """The interpreter's id, also where its ARN was given."""
        return self.interpreter_id.rpartition("/")[2]


def resolve(flags: Flags, environ: Mapping[str, str]) -> Settings:
    """Resolve flags against the environment. Empty values count as not set.

    Raises:
        UsageError: No interpreter is set, or a value cannot be right.
    """
    interpreter = flags.interpreter_id or environ.get("CUSTOM_AGENTCORE_INTERPRETER_ID")
    if not interpreter:
        raise UsageError("no code interpreter is set", NO_INTERPRETER_HINT, code="NoInterpreter")
    settings = _settings(interpreter, flags, environ)
    if settings.is_local:
        settings = _resolve_local(settings, environ)
    _check(settings)
    return settings


def resolve_account(flags: Flags, environ: Mapping[str, str]) -> Settings:
    """Resolve the flags of a command that is about the account and not about one interpreter.

    Raises:
        UsageError: A value cannot be right.
    """
    settings = _settings("", flags, environ)
    _check_region_and_endpoint(settings)
    return settings


def _settings(interpreter: str, flags: Flags, environ: Mapping[str, str]) -> Settings:
    return Settings(
        interpreter_id=interpreter,
        profile=flags.profile or environ.get("CUSTOM_AGENTCORE_AWS_PROFILE") or None,
        region=(
            flags.region
            or environ.get("CUSTOM_AGENTCORE_AWS_REGION")
            or _arn_region(interpreter)
            or environ.get("AWS_REGION")  # not read by boto3: https://github.com/boto/boto3/issues/3620
            or None
        ),
        endpoint_url=flags.endpoint_url or None,
    )


def _resolve_local(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """No AWS configuration says where `local` is; but what `local env` printed must hold for this client too."""
    region = settings.region or environ.get("AWS_DEFAULT_REGION") or LOCAL_REGION
    exported = environ.get("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE") or None
    if exported == environ.get(EXPORTED_ENDPOINT):
        exported = None
    endpoint_url = settings.endpoint_url or exported
    return settings._replace(region=region, endpoint_url=endpoint_url)


def near_interpreter(word: str, names: Iterable[str] = ()) -> str:
    """The beginning of a hint about a word that is no interpreter: the one that it is near to, or nothing."""
    return suggestion(word, (*LOCAL_INTERPRETERS, MANAGED_INTERPRETER, *names))


def is_loopback(url: str) -> bool:
    """Whether the URL names this machine by a loopback address."""
    return urlsplit(url).hostname in _LOOPBACK


def without_password(url: str) -> str:
    """An endpoint's URL without the user and password that may be in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def trace_parent(environ: Mapping[str, str]) -> str:
    """The caller's place in a distributed trace, for AWS; empty where `TRACEPARENT` has none.

    The format is W3C's (https://www.w3.org/TR/trace-context/#traceparent-header), the variable OpenTelemetry's.
    """
    given = environ.get("TRACEPARENT") or environ.get("traceparent") or ""
    return given if _TRACE_PARENT.fullmatch(given) else ""


def is_region(name: str) -> bool:
    """Whether a region may have this name, which becomes part of a host's."""
    return _REGION.fullmatch(name) is not None


def is_endpoint(url: str) -> bool:
    """Whether requests can be sent to this URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    is_complete = parts.scheme in ("http", "https") and re.fullmatch(_HOST, parts.hostname or "")
    return bool(is_complete and not parts.query and not parts.fragment)


def _arn_region(interpreter: str) -> str | None:
    match = re.fullmatch(INTERPRETER_ARN, interpreter)
    return match["region"] if match else None


def _check(settings: Settings) -> None:
    known = rf"{INTERPRETER_ID}|{INTERPRETER_ARN}|{INTERPRETER_NAME}"
    if not settings.is_local and not re.fullmatch(known, settings.interpreter_id):
        raise UsageError(
            f"not an interpreter id, ARN or name: {settings.interpreter_id!r}",
            f"{near_interpreter(settings.interpreter_id)}an id looks like my_interpreter-AbCdEfGh12 or "
            f"{MANAGED_INTERPRETER}; 'local' runs without AWS",
        )
    _check_region_and_endpoint(settings)


def _check_region_and_endpoint(settings: Settings) -> None:
    if settings.region and not is_region(settings.region):
        raise UsageError(f"not a region name: {settings.region!r}", "a region looks like us-east-1")
    if settings.endpoint_url:
        _check_endpoint(settings)


def _check_endpoint(settings: Settings) -> None:
    url = settings.endpoint_url or ""
    if "@" in url:  # not shown, because it may be a password
        raise UsageError("the endpoint URL has a name or a password in it", "AWS's requests are signed: leave it out")
    if not is_endpoint(url):
        raise UsageError(f"not an endpoint URL: {url!r}", "it looks like https://host or http://127.0.0.1:8080")
    if settings.is_local and not is_loopback(url):
        raise UsageError(
            f"interpreter 'local' runs on this machine, but the endpoint is another: {url!r}",
            "leave --endpoint-url and AWS_ENDPOINT_URL_BEDROCK_AGENTCORE out",
        )
