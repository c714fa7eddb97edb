"""Connections to AWS or to the emulator: which credentials, which endpoint, how long to wait.

Commands import this module at their top; boto3 and botocore are imported when a connection is made.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from agentcore_sandbox import __version__, emulator
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError
from agentcore_sandbox.settings import is_endpoint, is_loopback, is_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import boto3

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.settings import Settings

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
MAX_PAGES = 10_000
AGENTCORE = ("bedrock-agentcore", "bedrock-agentcore-control")

T = TypeVar("T")


class Transport(NamedTuple):
    """How requests are sent.

    Attributes:
        connections: How many are kept open to one host.
        repeats: What cannot have had an effect is sent again here; otherwise the caller does that.
    """

    connections: int = 10
    repeats: bool = True


class Connection(NamedTuple):
    """Makes clients of AWS's services.

    Attributes:
        settings: What was asked for.
        session: Credentials and region.
        endpoint_url: Of the services in `AGENTCORE`; None for AWS's own. All other services are always AWS's own.
        transport: How requests are sent.
        name: Of the interpreter, where that was given instead of its id.
    """

    settings: Settings
    session: boto3.Session
    endpoint_url: str | None = None
    transport: Transport = Transport()
    name: str = ""

    @property
    def region(self) -> str:
        """The region that requests go to.

        Raises:
            NoRegionError: None is set.
        """
        if not self.session.region_name:
            from botocore.exceptions import NoRegionError

            raise NoRegionError
        return self.session.region_name

    @property
    def partition(self) -> str:
        """The region's partition, such as aws-cn; `aws` for a region that botocore does not know."""
        from botocore.exceptions import UnknownRegionError

        try:
            return self.session.get_partition_for_region(self.region)
        except UnknownRegionError:
            return "aws"

    def told(self, error: AgentcoreSandboxError) -> AgentcoreSandboxError:
        """The error of a request; where the interpreter's name has another id by now, that is forgotten, and said."""
        if error.code != "UnknownInterpreter" or not self.name:
            return error
        from agentcore_sandbox.aws import interpreter_names

        interpreter_names.forget(self, self.name)
        message = f"{self.settings.interpreter_id}, which was {self.name!r}, is not there any more: {error.message}"
        return AgentcoreSandboxError(error.code, message, "try again: the id of the name is looked up anew")

    def client(self, service: str, *, read_seconds: float = READ_SECONDS, signed: bool = True) -> Any:
        """Make a botocore client. Credentials are found first, for which the user may be asked.

        Args:
            service: botocore's name of it, such as bedrock-agentcore.
            read_seconds: How long the service may stay silent.
            signed: Sign requests; otherwise no credentials are needed.

        Raises:
            BotoCoreError, ClientError: No credentials can be found, or the configuration cannot be used.
            AgentcoreSandboxError: The same.
        """
        from botocore import UNSIGNED
        from botocore.config import Config

        from agentcore_sandbox.aws import credentials

        if self.session.region_name and not is_region(self.session.region_name):
            hint = "check AWS_DEFAULT_REGION, and the region in the AWS configuration"
            raise AgentcoreSandboxError("AwsConfiguration", f"not a region name: {self.session.region_name!r}", hint)
        if signed:
            credentials.resolve(self.session)

        endpoint_url = self.endpoint_url if service in AGENTCORE else None
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard"} if self.transport.repeats else {"total_max_attempts": 1},
            max_pool_connections=self.transport.connections,
            tcp_keepalive=True,
            signature_version=None if signed else UNSIGNED,
            user_agent_extra=f"agentcore-sandbox/{__version__}",
            # A proxy cannot reach this machine's loopback.
            proxies={} if endpoint_url and is_loopback(endpoint_url) else None,
        )
        make: Any = self.session.client  # typed for literal names only
        try:
            with credentials.naming_settings(self.session._session):  # noqa: SLF001 - boto3 has no other way to it
                client = make(service, endpoint_url=endpoint_url, config=config)
            if not is_endpoint(client.meta.endpoint_url):
                raise ValueError  # noqa: TRY301 - as botocore does for most of them
        except (AttributeError, ValueError) as error:  # its message has the URL, and that may have a password
            names = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}, AWS_ENDPOINT_URL"
            hint = f"check {names} and endpoint_url in the AWS configuration"
            raise AgentcoreSandboxError("AwsConfiguration", "the endpoint's URL cannot be used", hint) from error
        return client


def connect(settings: Settings, *, runs_code: bool = True, transport: Transport | None = None) -> SessionClient:
    """Make a client for the sessions of an interpreter; `local` starts the emulator if it is not running.

    Args:
        settings: The interpreter, and who asks.
        runs_code: False for commands that only list and stop sessions: they accept an emulator of another version.
        transport: How requests are sent, None for what suits a single session.

    Raises:
        AgentcoreSandboxError: The profile, region or credentials cannot be used, or the emulator cannot be started.
    """
    connection = _open(settings, runs_code=runs_code)._replace(transport=transport or Transport())
    from agentcore_sandbox.aws.session_client import SessionClient

    client = SessionClient(connection)
    Output.afterwards["orphans"] = partial(client.own.tell_orphans, client.is_ready)
    return client


def connect_account(settings: Settings) -> Connection:
    """Find credentials and region for the services of an account; an interpreter's name is looked up anew.

    Raises:
        AgentcoreSandboxError: The profile, region or credentials cannot be used.
    """
    connection = _open(settings, anew=True)
    from agentcore_sandbox.aws.errors import translated

    with translated(settings):
        _ = connection.region  # nothing can be done without one
    return connection


def _open(settings: Settings, *, runs_code: bool = True, anew: bool = False) -> Connection:
    if settings.is_local and not settings.endpoint_url:
        return _open_local(settings, runs_code=runs_code)
    if not settings.is_local:
        from agentcore_sandbox.aws import crt

        crt.enable_for(settings.profile)  # before botocore is imported
    from agentcore_sandbox.aws import credentials
    from agentcore_sandbox.aws.errors import translated

    with translated(settings):
        connection = _traced(Connection(settings, credentials.session(settings), settings.endpoint_url))
        if not settings.is_name:
            return connection
        from agentcore_sandbox.aws import interpreter_names

        return interpreter_names.resolved(connection, anew=anew)


def _open_local(settings: Settings, *, runs_code: bool) -> Connection:
    endpoint = emulator.ensure(runs_code=runs_code)
    from agentcore_sandbox.aws import credentials

    session = credentials.fixed_session(endpoint.access_key, endpoint.secret_key, settings.region)
    return _traced(Connection(settings, session, endpoint.url))


def _traced(connection: Connection) -> Connection:
    """Tell the requests of a connection, also those for its credentials, where the user wants to see them."""
    if Output.is_verbose:
        from agentcore_sandbox.aws import wire

        wire.trace(connection.session._session)  # noqa: SLF001 - boto3 has no other way to it
    return connection


def all_pages(get_page: Callable[[dict[str, Any]], tuple[Iterable[T], str | None]]) -> Iterator[T]:
    """Yield the items of all pages.

    Args:
        get_page: Takes the parameter `nextToken`, or none for the first page; returns the items and the next token.

    Raises:
        UnexpectedAnswerError: The list does not end.
    """
    token: str | None = None
    seen: set[str] = set()
    while token not in seen and len(seen) < MAX_PAGES:
        items, following = get_page({"nextToken": token} if token else {})
        yield from items
        if not following:
            return
        if not isinstance(following, str):
            raise UnexpectedAnswerError("the service's list has a next page without a token", "try again")
        seen.update([token] if token else [])
        token = following
    raise UnexpectedAnswerError("the service's list does not end: its pages repeat", "try again; then report it to AWS")
