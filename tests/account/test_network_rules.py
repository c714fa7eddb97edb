"""How a VPC is judged, case by case, on what EC2 would say of it."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from agentcore_sandbox.account.networks import Verdict, VpcDescription, judge

NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
IGW = {"GatewayId": "igw-1", "State": "active"}
NO_HTTPS = "no security group allows outgoing TCP port 443: code cannot call AWS"
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}
S3 = {
    "ServiceName": "com.amazonaws.us-east-1.s3",
    "VpcEndpointType": "Gateway",
    "State": "available",
    "RouteTableIds": ["rtb-1"],
}
STS = {
    "ServiceName": "com.amazonaws.us-east-1.sts",
    "VpcEndpointType": "Interface",
    "State": "available",
    "RouteTableIds": [],
    "PrivateDnsEnabled": True,
}


def facts(*routes: Any, rules: Any = (HTTPS,), endpoints: Any = (), own: Any = None) -> VpcDescription:
    """Two subnets whose VPC has a main route table with these routes; `own` are those of the second's own table."""
    subnets = [
        {"SubnetId": f"subnet-{zone}", "VpcId": "vpc-1", "AvailabilityZone": f"us-east-1{zone}"} for zone in "ab"
    ]
    main = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": [LOCAL, *routes], "Associations": [{"Main": True}]}
    other = {
        "RouteTableId": "rtb-2",
        "VpcId": "vpc-1",
        "Routes": [LOCAL, *(own or ())],
        "Associations": [{"Main": False, "SubnetId": "subnet-b"}],
    }
    groups = [{"GroupId": "sg-1", "VpcId": "vpc-1", "IpPermissionsEgress": list(rules)}]
    made = VpcDescription(subnets, groups, [main] if own is None else [main, other], list(endpoints))
    validate(made)
    return made


@functools.cache
def ec2() -> Any:
    return botocore.session.get_session().get_service_model("ec2")


def validate(made: VpcDescription) -> None:
    """What is made up here is what EC2's model allows."""
    members: dict[str, tuple[str, Any]] = {
        "DescribeSubnets": ("Subnets", made.subnets),
        "DescribeSecurityGroups": ("SecurityGroups", made.groups),
        "DescribeRouteTables": ("RouteTables", made.tables),
        "DescribeVpcEndpoints": ("VpcEndpoints", made.endpoints),
    }
    for operation, (member, value) in members.items():
        shape = ec2().operation_model(operation).output_shape
        assert ParamValidator().validate({member: value}, shape).generate_report() == ""


def judged(made: VpcDescription, *services: str) -> Verdict:
    return judge(made, services, "us-east-1")


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"DestinationCidrBlock": "0.0.0.0/0", **IGW}, "0.0.0.0/0 to igw-1"),
        ({"DestinationIpv6CidrBlock": "::/0", **IGW}, "::/0 to igw-1"),
        ({"DestinationCidrBlock": "0.0.0.0/1", **IGW}, "0.0.0.0/1 to igw-1"),
        ({"DestinationPrefixListId": "pl-1", **IGW}, "pl-1 to igw-1"),
    ],
)
def test_any_route_to_an_internet_gateway_is_a_fault(route: Any, told: str) -> None:
    faults = judged(facts(NAT, route)).faults
    assert [f"has a route to an internet gateway ({told})" in fault for fault in faults] == [True, True]
    assert len(judged(facts(NAT, own=[NAT, route])).faults) == 1
    assert judged(facts(NAT, {**route, "State": "blackhole"})).faults == []


@pytest.mark.parametrize(
    ("route", "way"),
    [
        (NAT, "nat-1"),
        ({"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}, "eigw-1"),
        ({"DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1", "State": "active"}, "tgw-1"),
    ],
)
def test_every_way_out_is_told(route: Any, way: str) -> None:
    assert judged(facts(route)).warnings == [f"code can reach the internet through {way}"]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([], "no security group allows outgoing traffic: code can reach nothing, AWS included"),
        ([{**HTTPS, "FromPort": 80, "ToPort": 80}], NO_HTTPS),
        ([{**HTTPS, "IpProtocol": "udp"}], NO_HTTPS),
        ([HTTPS], None),
        ([{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]}], None),
        ([{**HTTPS, "FromPort": 0, "ToPort": 65535}], None),
        (
            [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}],
            "a security group allows traffic to every address: restrict it to what code needs",
        ),
    ],
)
def test_egress(rules: Any, told: str | None) -> None:
    assert judged(facts(rules=rules)).warnings == ([told] if told else [])


def test_endpoints_that_serve_every_subnet_are_enough() -> None:
    assert judged(facts(endpoints=[S3, STS]), "s3", "sts").warnings == []


@pytest.mark.parametrize("spoilt", [{"PrivateDnsEnabled": False}, {"State": "pending"}])
def test_an_interface_endpoint_must_be_available_and_have_a_name(spoilt: Any) -> None:
    (told,) = judged(facts(endpoints=[{**STS, **spoilt}]), "sts").warnings
    assert told.startswith(
        "without a NAT gateway subnet-a, subnet-b needs the VPC endpoint com.amazonaws.us-east-1.sts"
    )
    assert "does not serve it" in told


def test_a_gateway_endpoint_must_be_in_the_subnets_route_table() -> None:
    (told,) = judged(facts(endpoints=[S3], own=[]), "s3").warnings
    assert told.startswith("without a NAT gateway subnet-b needs the VPC endpoint com.amazonaws.us-east-1.s3")


def test_a_subnet_with_a_nat_gateway_needs_none_and_one_without_does() -> None:
    assert "subnet-b needs the VPC endpoint" in judged(facts(NAT, own=[]), "logs").warnings[1]
    assert len(judged(facts(NAT), "logs").warnings) == 1


def test_ipv6_alone_does_not_lead_to_aws() -> None:
    egress_only = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}
    assert "needs the VPC endpoint" in judged(facts(egress_only), "logs").warnings[1]


def test_other_partitions_name_endpoints_differently() -> None:
    name = "cn.com.amazonaws.cn-north-1.logs"
    made = facts(endpoints=[{**STS, "ServiceName": name}])
    assert judge(made, ["logs"], "cn-north-1").warnings == []
