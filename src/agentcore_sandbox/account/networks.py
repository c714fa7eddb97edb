"""Check subnets and security groups before an interpreter is placed in them.

AgentCore creates network interfaces with private addresses in the subnets (developer guide, "Configure AgentCore
Runtime and tools for VPC"): they cannot use an internet gateway. They reach the internet through a NAT gateway, and AWS
services through that or through VPC endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.account import file_systems
from agentcore_sandbox.aws.errors import translated
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from types_boto3_ec2 import EC2Client

    from agentcore_sandbox.account.file_systems import FileSystem
    from agentcore_sandbox.aws.attachments import Mount
    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreters import Network

ZONES = 2
USUAL_SERVICES = ("logs", "s3", "sts")
"""The services whose VPC endpoints are checked where none is named."""
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
class VpcDescription:
    """What EC2 says about a network, in its API's shapes."""

    subnets: Sequence[Any]
    groups: Sequence[Any]
    tables: Sequence[Any]
    endpoints: Sequence[Any]
    file_systems: Sequence[FileSystem] = ()


@dataclass
class Verdict:
    """What is wrong with a network: `faults` rule it out, `warnings` do not."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(network: Network, services: Collection[str], mounts: Sequence[Mount], connection: Connection) -> list[str]:
    """Check the network of an interpreter in VPC mode, and return warnings.

    Args:
        network: Its subnets and security groups.
        services: What its code must reach, by the service's name in VPC endpoints, such as logs.
        mounts: The file systems of its sessions.
        connection: Asks EC2, and the services of the file systems.

    Raises:
        AgentcoreSandboxError: `UnfitNetwork`, or a service cannot be asked.
    """
    described = _ask(network, connection)
    described.file_systems = [file_systems.ask(mount, connection) for mount in mounts]
    verdict = judge(described, services, connection.region)
    if verdict.faults:
        hint = "choose others, or skip this check with --no-network-check"
        raise AgentcoreSandboxError("UnfitNetwork", "; ".join(verdict.faults), hint)
    return verdict.warnings


def _ask(network: Network, connection: Connection) -> VpcDescription:
    with translated(connection.settings):
        ec2: EC2Client = connection.client("ec2")
        subnets = ec2.describe_subnets(SubnetIds=list(network.subnets))["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=list(network.security_groups))["SecurityGroups"]
        vpcs = [{"Name": "vpc-id", "Values": sorted({subnet["VpcId"] for subnet in subnets})}]
        tables = list(_pages(ec2, "describe_route_tables", "RouteTables", vpcs))
        endpoints = list(_pages(ec2, "describe_vpc_endpoints", "VpcEndpoints", vpcs))
    return VpcDescription(subnets, groups, tables, endpoints)


def _pages(ec2: Any, operation: str, member: str, filters: Sequence[Any]) -> Iterator[Any]:
    for page in ec2.get_paginator(operation).paginate(Filters=filters):
        yield from page[member]


def judge(vpc: VpcDescription, services: Collection[str], region: str) -> Verdict:
    """Judge a network by what EC2 says about it. Pure."""
    verdict = Verdict()
    _judge_places(vpc, verdict)
    _judge_routes(vpc, verdict)
    _judge_egress(vpc, verdict)
    _judge_file_systems(vpc, verdict)
    for service in sorted(services):
        _judge_endpoint(vpc, f".{region}.{service}", verdict)
    return verdict


def _judge_places(vpc: VpcDescription, verdict: Verdict) -> None:
    vpcs = {place["VpcId"] for place in (*vpc.subnets, *vpc.groups)}
    if len(vpcs) > 1:
        verdict.faults.append(f"subnets and security groups are in different VPCs: {', '.join(sorted(vpcs))}")
    zones = {subnet["AvailabilityZone"] for subnet in vpc.subnets}
    if len(zones) < ZONES:
        verdict.faults.append(f"all subnets are in {', '.join(zones)}: choose at least two Availability Zones")


def _judge_routes(vpc: VpcDescription, verdict: Verdict) -> None:
    ways_out = set()
    for subnet in vpc.subnets:
        for destination, target in _routes(_table(vpc, subnet)):
            if target.startswith("igw-"):
                verdict.faults.append(
                    f"subnet {subnet['SubnetId']} has a route to an internet gateway ({destination} to {target}), "
                    "which interfaces without a public address cannot use: choose private subnets"
                )
            elif destination in EVERYWHERE:
                ways_out.add(target)
    if ways_out:
        verdict.warnings.append(f"code can reach the internet through {', '.join(sorted(ways_out))}")


def _table(vpc: VpcDescription, subnet: Any) -> Any:
    """The route table of a subnet: its own, else its VPC's main one."""
    tables = [table for table in vpc.tables if table["VpcId"] == subnet["VpcId"]]
    for wanted in ({"SubnetId": subnet["SubnetId"]}, {"Main": True}):
        for table in tables:
            if any(wanted.items() <= association.items() for association in table["Associations"]):
                return table
    return {}


def _routes(table: Any) -> Iterator[tuple[str, str]]:
    """Destination and target of each active route, IPv4 and IPv6."""
    for route in table.get("Routes", ()):
        destination = next((route[key] for key in DESTINATIONS if route.get(key)), "")
        target = next((route[key] for key in TARGETS if route.get(key)), "")
        if route.get("State") != "blackhole":
            yield destination, target


def _judge_egress(vpc: VpcDescription, verdict: Verdict) -> None:
    rules = [rule for group in vpc.groups for rule in group["IpPermissionsEgress"]]
    if not rules:
        verdict.warnings.append("no security group allows outgoing traffic: code can reach nothing, AWS included")
    elif not any(file_systems.allows(rule, HTTPS) for rule in rules):
        verdict.warnings.append("no security group allows outgoing TCP port 443: code cannot call AWS")
    addresses = [address for rule in rules for address in (*rule.get("IpRanges", ()), *rule.get("Ipv6Ranges", ()))]
    if any(address.get("CidrIp", address.get("CidrIpv6")) in EVERYWHERE for address in addresses):
        verdict.warnings.append("a security group allows traffic to every address: restrict it to what code needs")


def _judge_file_systems(vpc: VpcDescription, verdict: Verdict) -> None:
    rules = [rule for group in vpc.groups for rule in group["IpPermissionsEgress"]]
    if vpc.file_systems and not any(file_systems.allows(rule, file_systems.NFS) for rule in rules):
        verdict.faults.append(f"no security group allows outgoing TCP port {file_systems.NFS}, which mounts need")
    groups = [group["GroupId"] for group in vpc.groups]
    for found in vpc.file_systems:
        verdict.faults += file_systems.faults(found, vpc.subnets, groups)


def _judge_endpoint(vpc: VpcDescription, service: str, verdict: Verdict) -> None:
    """Whether every subnet without a NAT gateway has a VPC endpoint whose name ends with `service`.

    The beginning of the name differs between partitions.
    """
    tables = {subnet["SubnetId"]: _table(vpc, subnet) for subnet in vpc.subnets}
    there = [endpoint for endpoint in vpc.endpoints if endpoint["ServiceName"].endswith(service)]
    lacking = [name for name, table in tables.items() if not _leads_out(table) and not _serves(there, table)]
    if lacking:
        name = there[0]["ServiceName"] if there else f"com.amazonaws{service}"
        state = "does not serve it: check its state, route tables and private DNS" if there else "does not exist"
        subnets = ", ".join(lacking)
        verdict.warnings.append(f"without a NAT gateway {subnets} needs the VPC endpoint {name}, which {state}")


def _leads_out(table: Any) -> bool:
    """Whether AWS's public addresses, which are IPv4, can be reached."""
    return any(destination == EVERYWHERE[0] for destination, _ in _routes(table))


def _serves(endpoints: Iterable[Any], table: Any) -> bool:
    """Whether one serves the subnets of a route table: a gateway by a route in it, an interface by private DNS."""
    return any(
        endpoint["State"].lower() == "available"
        and (table.get("RouteTableId") in endpoint.get("RouteTableIds", ()) or endpoint.get("PrivateDnsEnabled"))
        for endpoint in endpoints
    )
