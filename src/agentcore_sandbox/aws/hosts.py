"""The hosts that calls need, which of them a proxy does not let be reached, and how AgentCore's answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from agentcore_sandbox.aws.connect import AGENTCORE
from agentcore_sandbox.aws.errors import translated
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.settings import is_loopback, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

    from agentcore_sandbox.aws.connect import Connection

SECONDS = 10


def needed(connection: Connection) -> list[str]:
    """The URLs of AgentCore, of STS, and of what the profile gets its credentials from; none on this machine."""
    with translated(connection.settings):
        made = [connection.client(service, signed=False) for service in (*AGENTCORE, "sts")]
        made += [
            connection.session.client(service, region_name=region, config=Config(signature_version=UNSIGNED))
            for service, region in _credential_services(connection.session._session)  # noqa: SLF001 - boto3 has no other way to it
        ]
    urls: list[str] = [client.meta.endpoint_url for client in made]
    return [url for url in urls if not is_loopback(url)]


def refused(connection: Connection, urls: list[str]) -> list[str]:
    """The hosts among them that a proxy refuses; what else may be wrong with them is for other checks."""
    return [str(urlsplit(url).hostname) for url in urls if _is_refused(connection, url)]


def _is_refused(connection: Connection, url: str) -> bool:
    session: Any = URLLib3Session(proxies=get_environ_proxies(url), timeout=SECONDS)
    try:
        with translated(connection.settings):
            session.send(AWSRequest("HEAD", url).prepare())
    except AgentcoreSandboxError as error:
        return error.code == "HostRefused"
    finally:
        session.close()
    return False


def _credential_services(session: Any) -> Iterator[tuple[Any, str | None]]:
    """Services and regions that the profile, and the one that it takes its credentials from, logs in with."""
    profiles = session.full_config.get("profiles", {})
    profile = session.get_scoped_config()
    for values in (profile, profiles.get(profile.get("source_profile"), {})):
        sso = session.full_config.get("sso_sessions", {}).get(values.get("sso_session"), values)
        if "sso_region" in sso:
            yield from (("sso", sso["sso_region"]), ("sso-oidc", sso["sso_region"]))
        if "login_session" in values:
            yield "signin", values.get("region")


@dataclass(frozen=True)
class EndpointAnswer:
    """How the endpoint answered a request without a signature.

    Attributes:
        url: The endpoint, without a password that may be in it.
        seconds: Until the response, connecting included.
        date: The `Date` header.
    """

    url: str
    seconds: float
    date: str | None


def ask_endpoint(connection: Connection) -> EndpointAnswer:
    """Send a request that is refused because it has no signature: a response all the same, and it has the time."""
    with translated(connection.settings):
        client: BedrockAgentCoreClient = connection.client("bedrock-agentcore", signed=False)
        response: Mapping[str, Any]
        started = time.monotonic()
        try:
            response = client.list_code_interpreter_sessions(
                codeInterpreterIdentifier=connection.settings.interpreter_id
            )
        except ClientError as error:
            response = error.response
    seconds = time.monotonic() - started
    date = response["ResponseMetadata"]["HTTPHeaders"].get("date")
    return EndpointAnswer(without_password(client.meta.endpoint_url), seconds, date)
