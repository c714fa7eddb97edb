"""Look at subnets and security groups before an interpreter is put into them.

AgentCore makes network interfaces with private addresses in the subnets (developer guide, "Configure AgentCore Runtime
and tools for VPC"): an internet gateway is of no use to them, internet access needs a NAT gateway, and AWS services are
reached through that or through VPC endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.aws.errors import translated
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from types_boto3_ec2 import EC2Client

    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreters import Network

ZONES = 2
USUAL_SERVICES = ("logs", "s3", "sts")
"""What is said of VPC endpoints where nobody named the services to reach."""
EVERYWHERE = ("0.0.0.0/0", "::/0")
HTTPS = 443
# A route's members, as EC2's API has them.
DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
)


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


def check(network: Network, services: Collection[str], connection: Connection) -> list[str]:
    """Look at the network of an interpreter in VPC mode.

    Args:
        network: Its subnets and security groups.
        services: What its code is to reach, as VPC endpoints call it, such as logs.
        connection: Credentials.

    Returns:
        What to know about it, one sentence each.

    Raises:
        AgentcoreSandboxError: `UnfitNetwork`, or EC2 cannot be asked.
    """
    findings = judge(_ask(network, connection), services, connection.region)
    if findings.faults:
        hint = "choose others, or pass --no-network-check if you know better"
        raise AgentcoreSandboxError("UnfitNetwork", "; ".join(findings.faults), hint)
    return findings.warnings


def _ask(network: Network, connection: Connection) -> Facts:
    with translated(connection.settings):
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
    _judge_routes(facts, findings)
    _judge_egress(facts, findings)
    for service in sorted(services):
        _judge_endpoint(facts, f".{region}.{service}", findings)
    return findings


def _judge_places(facts: Facts, findings: Findings) -> None:
    vpcs = {place["VpcId"] for place in (*facts.subnets, *facts.groups)}
    if len(vpcs) > 1:
        findings.faults.append(f"subnets and security groups are in different VPCs: {', '.join(sorted(vpcs))}")
    zones = {subnet["AvailabilityZone"] for subnet in facts.subnets}
    if len(zones) < ZONES:
        findings.faults.append(f"all subnets are in {', '.join(zones)}: take subnets in two Availability Zones or more")


def _judge_routes(facts: Facts, findings: Findings) -> None:
    ways_out = set()
    for subnet in facts.subnets:
        for destination, target in _routes(_table(facts, subnet)):
            if target.startswith("igw-"):
                findings.faults.append(
                    f"subnet {subnet['SubnetId']} has a route to an internet gateway ({destination} to {target}), "
                    "which interfaces without a public address cannot use: take private subnets"
                )
            elif destination in EVERYWHERE:
                ways_out.add(target)
    if ways_out:
        findings.warnings.append(f"code can reach the internet through {', '.join(sorted(ways_out))}")


def _table(facts: Facts, subnet: Any) -> Any:
    """The route table of a subnet: its own, else its VPC's main one."""
    tables = [table for table in facts.tables if table["VpcId"] == subnet["VpcId"]]
    for wanted in ({"SubnetId": subnet["SubnetId"]}, {"Main": True}):
        for table in tables:
            if any(wanted.items() <= association.items() for association in table["Associations"]):
                return table
    return {}


def _routes(table: Any) -> Iterator[tuple[str, str]]:
    """Destination and target of each route that works, of IPv4 and IPv6."""
    for route in table.get("Routes", ()):
        destination = next((route[key] for key in DESTINATIONS if route.get(key)), "")
        target = next((route[key] for key in TARGETS if route.get(key)), "")
        if route.get("State") != "blackhole":
            yield destination, target


def _judge_egress(facts: Facts, findings: Findings) -> None:
    rules = [rule for group in facts.groups for rule in group["IpPermissionsEgress"]]
    if not rules:
        findings.warnings.append("no security group allows outgoing traffic: code can reach nothing, AWS included")
    elif not any(map(_lets_https_out, rules)):
        findings.warnings.append("no security group lets TCP port 443 out: code cannot call AWS")
    if any(address.get("CidrIp", address.get("CidrIpv6")) in EVERYWHERE for address in _addresses(rules)):
        findings.warnings.append("a security group lets traffic out to every address: name those that are needed")


def _lets_https_out(rule: Any) -> bool:
    if rule["IpProtocol"] == "tcp":
        return HTTPS in range(rule["FromPort"], rule["ToPort"] + 1)
    return bool(rule["IpProtocol"] == "-1")  # everything, and it comes without ports


def _addresses(rules: Iterable[Any]) -> Iterator[Any]:
    for rule in rules:
        yield from (*rule.get("IpRanges", ()), *rule.get("Ipv6Ranges", ()))


def _judge_endpoint(facts: Facts, service: str, findings: Findings) -> None:
    """Whether every subnet without another way out reaches a service by a VPC endpoint.

    Args:
        facts: What EC2 says.
        service: End of the endpoint's name; its beginning differs between partitions.
        findings: Where what is missing is put.
    """
    tables = {subnet["SubnetId"]: _table(facts, subnet) for subnet in facts.subnets}
    there = [endpoint for endpoint in facts.endpoints if endpoint["ServiceName"].endswith(service)]
    lacking = [name for name, table in tables.items() if not _leads_out(table) and not _serves(there, table)]
    if lacking:
        name = there[0]["ServiceName"] if there else f"com.amazonaws{service}"
        state = "does not serve it: look at its state, route tables and private DNS" if there else "is not there"
        subnets = ", ".join(lacking)
        findings.warnings.append(f"without a NAT gateway {subnets} needs the VPC endpoint {name}, which {state}")


def _leads_out(table: Any) -> bool:
    """Whether AWS's public addresses can be reached: those are of IPv4."""
    return any(destination == EVERYWHERE[0] for destination, _ in _routes(table))


def _serves(endpoints: Iterable[Any], table: Any) -> bool:
    """Whether one works for the subnets of a route table: a gateway is a route in it, an interface has a name."""
    return any(
        endpoint["State"].lower() == "available"
        and (table.get("RouteTableId") in endpoint.get("RouteTableIds", ()) or endpoint.get("PrivateDnsEnabled"))
        for endpoint in endpoints
    )
