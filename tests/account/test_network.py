"""VPC mode: what is looked at before, on moto's EC2, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from account.conftest import Account
    from support.control_server import ControlServer
    from support.processes import CommandLine


@dataclass
class Vpc:
    """A VPC with two private subnets and a security group."""

    ec2: Any
    vpc_id: str
    subnets: list[str]
    group: str

    def words(self, *more: str) -> list[str]:
        subnets = [word for subnet in self.subnets for word in ("--subnet", subnet)]
        return ["--network", "vpc", *subnets, "--security-group", self.group, *more]

    def route(self, subnet: str, **target: str) -> None:
        table = self.ec2.create_route_table(VpcId=self.vpc_id)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)


def make_vpc(account: Account) -> Vpc:
    ec2 = account.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc_id)["GroupId"]
    return Vpc(ec2, vpc_id, [subnet["Subnet"]["SubnetId"] for subnet in subnets], group)


@pytest.fixture
def vpc(account: Account) -> Vpc:
    return make_vpc(account)


def create(admin: CommandLine, words: list[str]) -> tuple[int, str]:
    done = admin.run("interpreter", "create", "demo", *words)
    return done.returncode, done.stderr.decode()


def test_private_subnets_are_taken_and_endpoints_named(admin: CommandLine, control: ControlServer, vpc: Vpc) -> None:
    name = "com.amazonaws.us-east-1.logs"
    vpc.ec2.create_vpc_endpoint(VpcId=vpc.vpc_id, ServiceName=name, VpcEndpointType="Interface")
    status, said = create(admin, vpc.words())
    assert status == 0, said
    assert "needs the VPC endpoint com.amazonaws.us-east-1.s3, which does not exist" in said
    assert name not in said
    assert "allows traffic to every address" in said
    (made,) = control.interpreters.values()
    wanted = {"subnets": vpc.subnets, "securityGroups": [vpc.group]}
    assert made["networkConfiguration"] == {"networkMode": "VPC", "vpcConfig": wanted}


def test_nat_gateway_is_told_and_makes_endpoints_needless(admin: CommandLine, vpc: Vpc) -> None:
    gateway = vpc.ec2.create_nat_gateway(SubnetId=vpc.subnets[0])["NatGateway"]["NatGatewayId"]
    for subnet in vpc.subnets:
        vpc.route(subnet, NatGatewayId=gateway)
    status, said = create(admin, vpc.words())
    assert status == 0
    assert f"code can reach the internet through {gateway}" in said
    assert "endpoint" not in said


def test_no_egress_is_told(admin: CommandLine, vpc: Vpc) -> None:
    rules = vpc.ec2.describe_security_groups(GroupIds=[vpc.group])["SecurityGroups"][0]["IpPermissionsEgress"]
    vpc.ec2.revoke_security_group_egress(GroupId=vpc.group, IpPermissions=rules)
    status, said = create(admin, vpc.words())
    assert status == 0
    assert "no security group allows outgoing traffic" in said


def unfit(admin: CommandLine, control: ControlServer, words: list[str], message: str) -> None:
    status, said = create(admin, words)
    assert status == 125
    assert "error[UnfitNetwork]: " in said
    assert message in said
    assert control.requests == []


def test_public_subnet_is_refused_unless_told_otherwise(admin: CommandLine, control: ControlServer, vpc: Vpc) -> None:
    gateway = vpc.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    vpc.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.vpc_id)
    vpc.route(vpc.subnets[1], GatewayId=gateway)
    unfit(admin, control, vpc.words(), f"subnet {vpc.subnets[1]} has a route to an internet gateway")
    assert create(admin, vpc.words("--no-network-check"))[0] == 0


def test_main_route_table_counts_where_a_subnet_has_none(admin: CommandLine, control: ControlServer, vpc: Vpc) -> None:
    gateway = vpc.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    vpc.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc.vpc_id)
    tables = vpc.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc.vpc_id]}])["RouteTables"]
    vpc.ec2.create_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    unfit(admin, control, vpc.words(), "has a route to an internet gateway")


def test_one_zone_is_refused(admin: CommandLine, control: ControlServer, vpc: Vpc) -> None:
    more = vpc.ec2.create_subnet(VpcId=vpc.vpc_id, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1a")
    vpc.subnets[1] = more["Subnet"]["SubnetId"]
    unfit(admin, control, vpc.words(), "all subnets are in us-east-1a")


def test_other_vpcs_group_is_refused(admin: CommandLine, control: ControlServer, account: Account, vpc: Vpc) -> None:
    vpc.group = make_vpc(account).group
    unfit(admin, control, vpc.words(), "different VPCs")


def test_unknown_subnet(admin: CommandLine, control: ControlServer, vpc: Vpc) -> None:
    vpc.subnets[0] = "subnet-0123456789abcdef0"
    status, said = create(admin, vpc.words())
    assert status == 125
    assert "error[InvalidRequest]: " in said
    assert "does not exist" in said
    assert control.requests == []
