"""Clients of AWS's services: where the credentials come from, which endpoint, how long to wait."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore import session as core
from botocore.config import Config
from botocore.exceptions import NoRegionError, UnknownRegionError
from botocore.utils import parse_timestamp

from agentcore_sandbox import __version__, emulator
from agentcore_sandbox.aws import credential_cache
from agentcore_sandbox.settings import Settings, is_loopback

if TYPE_CHECKING:
    from agentcore_emulator.endpoint import LocalEndpoint

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
AGENTCORE = ("bedrock-agentcore", "bedrock-agentcore-control")


@dataclass(frozen=True)
class Connection:
    """Credentials, a region, and where AgentCore's two services are.

    Attributes:
        session: Holds credentials and region.
        endpoint_url: Of the services in `AGENTCORE`; None for AWS's own. Other services are always AWS's own.
    """

    session: boto3.Session
    endpoint_url: str | None = None

    @property
    def region(self) -> str:
        """The region that requests go to.

        Raises:
            NoRegionError: None is set.
        """
        if not self.session.region_name:
            raise NoRegionError
        return self.session.region_name

    @property
    def partition(self) -> str:
        """The partition that the region lies in, such as aws or aws-cn; that of an unknown region is aws."""
        try:
            return self.session.get_partition_for_region(self.region)
        except UnknownRegionError:
            return "aws"

    def client(self, service: str, *, read_seconds: float = READ_SECONDS, signed: bool = True) -> Any:
        """Make a client of a service.

        Args:
            service: As botocore calls it, such as bedrock-agentcore.
            read_seconds: How long it may stay silent.
            signed: Sign the requests; without it no credentials are looked for.
        """
        endpoint_url = self.endpoint_url if service in AGENTCORE else None
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard"},
            tcp_keepalive=True,
            signature_version=None if signed else UNSIGNED,
            user_agent_extra=f"agentcore-sandbox/{__version__}",
            # A proxy has no way to this machine's loopback.
            proxies={} if endpoint_url and is_loopback(endpoint_url) else None,
        )
        # The stubs know only literal names of services.
        make: Any = self.session.client
        return make(service, endpoint_url=endpoint_url, config=config)


def connect(settings: Settings, *, runs_code: bool = True) -> Connection:
    """Find credentials and endpoint; `local` without an endpoint starts the embedded service if need be.

    Args:
        settings: Where to run.
        runs_code: Not only looks at sessions, and stops them: the embedded service must be as this program starts it.

    Raises:
        BotoCoreError: Profile or configuration cannot be used.
        AgentcoreSandboxError: The embedded service cannot be started.
    """
    if settings.is_local and not settings.endpoint_url:
        return _connect_local(emulator.ensure(runs_code=runs_code), settings)
    botocore_session = _session(profile=settings.profile)
    session = boto3.Session(botocore_session=botocore_session, region_name=settings.region)
    credential_cache.use(botocore_session)
    return Connection(session, settings.endpoint_url)


def _connect_local(endpoint: LocalEndpoint, settings: Settings) -> Connection:
    # No profile and no configuration file: the embedded service must work whatever is wrong with them.
    nothing = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    session = boto3.Session(
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        region_name=settings.region,
        botocore_session=_session(session_vars={**nothing, "credentials_file": nothing["config_file"]}),
    )
    return Connection(session, endpoint.url)


def _session(**options: Any) -> core.Session:
    session = core.Session(**options)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    return session


def _timestamp(value: Any) -> datetime:
    """The form that AgentCore uses, without dateutil, whose import takes as long as two requests; any other with it."""
    if isinstance(value, str) and value[4:5] == "-":
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            pass
    return parse_timestamp(value)
