"""Clients of AWS's services: where the credentials come from, which endpoint, how long to wait.

On botocore, the part of boto3 that makes clients: what boto3 adds to it is imported at every start and not used here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import NoRegionError, UnknownRegionError
from botocore.session import Session

from agentcore_sandbox import __version__, credential_cache
from agentcore_sandbox.settings import Settings, is_loopback

if TYPE_CHECKING:
    from agentcore_sandbox.local.daemon import LocalEndpoint

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

    session: Session
    endpoint_url: str | None = None

    @property
    def region(self) -> str:
        """The region that requests go to.

        Raises:
            NoRegionError: None is set.
        """
        region: str | None = self.session.get_config_variable("region")
        if not region:
            raise NoRegionError
        return region

    @property
    def partition(self) -> str:
        """The partition that the region lies in, such as aws or aws-cn; that of an unknown region is aws."""
        try:
            return str(self.session.get_partition_for_region(self.region))
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
        make: Any = self.session.create_client
        return make(service, endpoint_url=endpoint_url, config=config)


def connect(settings: Settings) -> Connection:
    """Find credentials and endpoint; `local` without an endpoint starts the embedded service if need be.

    Raises:
        BotoCoreError: Profile or configuration cannot be used.
        AgentcoreSandboxError: The embedded service cannot be started.
    """
    if settings.is_local and not settings.endpoint_url:
        from agentcore_sandbox.local import daemon

        return _connect_local(daemon.ensure(), settings)
    session = Session(profile=settings.profile)
    _set_region(session, settings.region)
    credential_cache.use(session)
    return Connection(session, settings.endpoint_url)


def _connect_local(endpoint: LocalEndpoint, settings: Settings) -> Connection:
    # No profile and no configuration file: the embedded service must work whatever is wrong with them.
    nothing = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    session = Session(session_vars={**nothing, "credentials_file": nothing["config_file"]})
    _set_region(session, settings.region)
    session.set_credentials(endpoint.access_key, endpoint.secret_key)
    return Connection(session, endpoint.url)


def _set_region(session: Session, region: str | None) -> None:
    if region:
        session.set_config_variable("region", region)
