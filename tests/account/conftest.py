"""A pretend account: IAM, STS, EC2 and CloudFormation by moto, AgentCore's control plane by a loopback server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests

from support import control_server, loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.control_server import ControlServer
    from support.processes import CommandLine
    from support.query_proxy import QueryProxy

REGION = "us-east-1"
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "dummy-secret"}


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    with loopback.moto() as url:
        yield url


@dataclass(frozen=True)
class Account:
    """The parts of the pretend account that moto plays, as a test sees them."""

    url: str

    def client(self, service: str) -> Any:
        make: Any = boto3.client  # the stubs know only literal names
        return make(service, endpoint_url=self.url, region_name=REGION, **KEYS)


@pytest.fixture
def account(moto_server: str) -> Account:
    """Empty, but for the default VPC that every account has."""
    requests.post(f"{moto_server}/moto-api/reset", timeout=300).raise_for_status()
    return Account(moto_server)


@pytest.fixture
def control() -> Iterator[ControlServer]:
    with control_server.serve() as server:
        yield server


@pytest.fixture
def proxy(account: Account) -> Iterator[QueryProxy]:
    from support import query_proxy  # it loads moto

    with query_proxy.serve(account.url) as server:
        yield server


@pytest.fixture
def admin(quick: CommandLine, proxy: QueryProxy, control: ControlServer) -> CommandLine:
    """The command line with the credentials of somebody who may do everything."""
    more = {
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": control.url,
    }
    return quick.using(**more)
