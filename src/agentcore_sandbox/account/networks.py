"""Look at subnets and security groups before an interpreter is put into them.

AgentCore makes network interfaces with private addresses in the subnets (developer guide, "Configure AgentCore Runtime
and tools for VPC"): an internet gateway is of no use to them, internet access needs a NAT gateway, and AWS services are
reached through that or through VPC endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.account.errors import translated
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from types_boto3_ec2 import EC2Client

    from agentcore_sandbox.account.interpreters import Network
    from agentcore_sandbox.aws_clients import Connection
    from agentcore_sandbox.settings import Settings

ZONES = 2
USUAL_SERVICES = ("logs", "s3", "sts")
"""What is said of VPC endpoints where nobody named the services to reach."""
EVERYWHERE = ("0.0.0.0/0", "::/0")


@dataclass
class Facts:
    """What EC2 knows about a network, as its API has it."""

    subnets: Sequence[Any]
    groups: Sequence[Any]
    tables: Sequence[Any]
    endpoints: Sequence[Any]


@dataclass
class Findings:
    """What is wrong with a network.

    Attributes:
        faults: Why an interpreter must not be put there.
        warnings: What to know.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(network: Network, services: Collection[str], connection: Connection, settings: Settings) -> list[str]:
    """Look at the network of an interpreter in VPC mode.

    Args:
        network: Its subnets and security groups.
        services: What its code is to reach, as VPC endpoints call it, such as logs.
        connection: Credentials.
        settings: The same, for the words of errors.

    Returns:
        What to know about it, one sentence each.

    Raises:
        AgentcoreSandboxError: `UnfitNetwork`, or EC2 cannot be asked.
    """
    findings = judge(_ask(network, connection, settings), services, connection.region)
    if findings.faults:
        hint = "choose others, or pass --no-network-check if you know better"
        raise AgentcoreSandboxError("UnfitNetwork", "; ".join(findings.faults), hint)
    return findings.warnings


def _ask(network: Network, connection: Connection, settings: Settings) -> Facts:
    with translated(settings):
        ec2: EC2Client = connection.client("ec2")
        subnets = ec2.describe_subnets(SubnetIds=list(network.subnets))["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=list(network.security_groups))["SecurityGroups"]
        vpcs = [{"Name": "vpc-id", "Values": sorted({subnet["VpcId"] for subnet in subnets})}]
        tables = list(_pages(ec2, "describe_route_tables", "RouteTables", vpcs))
        endpoints = list(_pages(ec2, "describe_vpc_endpoints", "VpcEndpoints", vpcs))
    return Facts(subnets, groups, tables, endpoints)


def _pages(ec2: Any, operation: str, member: str, filters: Sequence[Any]) -> Iterator[Any]:
    for page in ec2.get_paginator(operation).paginate(Filters=filters):
        yield from page[member]


def judge(facts: Facts, services: Collection[str], region: str) -> Findings:
    """Judge a network by what EC2 knows about it. Pure.

    Args:
        facts: What EC2 says.
        services: What is to be reached, as VPC endpoints call it.
        region: The region's name.
    """
    findings = Findings()
    _judge_places(facts, findings)
    gateways = [_default_route(facts, subnet) for subnet in facts.subnets]
    for subnet, gateway in zip(facts.subnets, gateways, strict=True):
        if gateway.startswith("igw-"):
            findings.faults.append(
                f"subnet {subnet['SubnetId']} has a route to an internet gateway, which interfaces without a public "
                "address cannot use: take private subnets"
            )
    private = [gateway for gateway in gateways if gateway and not gateway.startswith("igw-")]
    if private:
        findings.warnings.append(f"code can reach the internet through {', '.join(sorted(set(private)))}")
    _judge_egress(facts, findings)
    if not all(gateways):
        _judge_endpoints(facts, services, region, findings)
    return findings


def _judge_places(facts: Facts, findings: Findings) -> None:
    vpcs = {place["VpcId"] for place in (*facts.subnets, *facts.groups)}
    if len(vpcs) > 1:
        findings.faults.append(f"subnets and security groups are in different VPCs: {', '.join(sorted(vpcs))}")
    zones = {subnet["AvailabilityZone"] for subnet in facts.subnets}
    if len(zones) < ZONES:
        findings.faults.append(f"all subnets are in {', '.join(zones)}: take subnets in two Availability Zones or more")


def _default_route(facts: Facts, subnet: Any) -> str:
    """The gateway to the internet of a subnet, empty where there is none."""
    for route in _table(facts, subnet).get("Routes", ()):
        destination = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
        if destination in EVERYWHERE and route.get("State") != "blackhole":
            return next((str(value) for key, value in sorted(route.items()) if key.endswith("Id")), "")
    return ""


def _table(facts: Facts, subnet: Any) -> Any:
    """The route table of a subnet: its own, else its VPC's main one."""
    tables = [table for table in facts.tables if table["VpcId"] == subnet["VpcId"]]
    for wanted in ({"SubnetId": subnet["SubnetId"]}, {"Main": True}):
        for table in tables:
            if any(wanted.items() <= association.items() for association in table["Associations"]):
                return table
    return {}


def _judge_egress(facts: Facts, findings: Findings) -> None:
    rules = [rule for group in facts.groups for rule in group["IpPermissionsEgress"]]
    if not rules:
        findings.warnings.append("no security group allows outgoing traffic: code can reach nothing, AWS included")
    if any(address.get("CidrIp", address.get("CidrIpv6")) in EVERYWHERE for address in _addresses(rules)):
        findings.warnings.append("a security group lets traffic out to every address: name those that are needed")


def _addresses(rules: Iterable[Any]) -> Iterator[Any]:
    for rule in rules:
        yield from (*rule.get("IpRanges", ()), *rule.get("Ipv6Ranges", ()))


def _judge_endpoints(facts: Facts, services: Collection[str], region: str, findings: Findings) -> None:
    there = {endpoint["ServiceName"] for endpoint in facts.endpoints}
    wanted = {f"com.amazonaws.{region}.{service}" for service in services}
    for name in sorted(wanted - there):
        findings.warnings.append(f"without a NAT gateway code needs the VPC endpoint {name}, which is not there")
