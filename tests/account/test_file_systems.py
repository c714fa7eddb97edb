"""The VPC check with mounts: what is asked of AWS, by botocore's own check of the answers, and how it is judged."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from account.test_network_rules import HTTPS, facts
from agentcore_sandbox.account import file_systems, networks
from agentcore_sandbox.account.file_systems import FileSystem, MountTarget
from agentcore_sandbox.aws import connect
from agentcore_sandbox.aws.attachments import Mount
from agentcore_sandbox.settings import Settings
from support.mounts import EFS, EFS_POINT, S3, S3_POINT

if TYPE_CHECKING:
    from collections.abc import Iterator

SECURITY_GROUP, SUBNET, TARGET = (f"{kind}-0123456789abcdef0" for kind in ("sg", "subnet", "fsmt"))
NFS_OUT = {**HTTPS, "FromPort": 2049, "ToPort": 2049}
FROM_OURS = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
GROUP = {"GroupId": SECURITY_GROUP, "IpPermissions": [FROM_OURS]}
NEAR = MountTarget("vpc-1", "use1-az1", "available", [SECURITY_GROUP])
FOUND = FileSystem(Mount("/mnt/x", EFS_POINT, EFS), "fs-01234567", "available", [NEAR], [GROUP])
SUBNETS = [{"VpcId": "vpc-1", "AvailabilityZoneId": f"use1-az{number}"} for number in (1, 2)]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """The stubs of the clients that are asked."""
    session: Any = boto3.Session("AKIDEXAMPLE", "dummy-secret", region_name="us-east-1")
    clients = {name: session.client(name) for name in ("ec2", "efs", "s3files")}
    monkeypatch.setattr(connect.Connection, "client", lambda _connection, name: clients[name])
    with ExitStack() as stack:
        stubs = {name: stack.enter_context(Stubber(client)) for name, client in clients.items()}
        stubs["ec2"].add_response(
            "describe_security_groups", {"SecurityGroups": [GROUP]}, {"GroupIds": [SECURITY_GROUP]}
        )
        yield stubs
        for stub in stubs.values():
            stub.assert_no_pending_responses()


def ask(mount: Mount) -> FileSystem:
    session = boto3.Session("AKIDEXAMPLE", "dummy-secret", region_name="us-east-1")
    return file_systems.ask(mount, connect.Connection(Settings(""), session))


def test_efs_is_asked(answers: dict[str, Stubber]) -> None:
    point = {"AccessPointId": "fsap-01234567", "FileSystemId": "fs-01234567", "LifeCycleState": "available"}
    target = {
        "MountTargetId": TARGET,
        "FileSystemId": "fs-01234567",
        "SubnetId": SUBNET,
        "LifeCycleState": "available",
        "AvailabilityZoneId": "use1-az1",
        "VpcId": "vpc-1",
    }
    efs = answers["efs"]
    efs.add_response("describe_access_points", {"AccessPoints": [point]}, {"AccessPointId": "fsap-01234567"})
    efs.add_response("describe_mount_targets", {"MountTargets": [target]}, {"FileSystemId": "fs-01234567"})
    groups = {"SecurityGroups": [SECURITY_GROUP]}
    efs.add_response("describe_mount_target_security_groups", groups, {"MountTargetId": TARGET})
    assert ask(FOUND.mount) == FOUND


def test_s3_files_is_asked(answers: dict[str, Stubber]) -> None:
    mount, owner = Mount("/mnt/x", S3_POINT, S3), "fs-0123456789abcdef0"
    point = {
        "accessPointArn": S3_POINT,
        "accessPointId": "fsap-0123456789abcdef0",
        "clientToken": "t",
        "fileSystemId": owner,
        "status": "AVAILABLE",
        "ownerId": "111122223333",
    }
    target = {
        "mountTargetId": TARGET,
        "ownerId": "111122223333",
        "subnetId": SUBNET,
    }
    more = {
        "availabilityZoneId": "use1-az1",
        "vpcId": "vpc-1",
        "securityGroups": [SECURITY_GROUP],
        "status": "AVAILABLE",
    }
    asked = answers["s3files"]
    asked.add_response("get_access_point", point, {"accessPointId": "fsap-0123456789abcdef0"})
    asked.add_response("list_mount_targets", {"mountTargets": [target]}, {"fileSystemId": owner})
    asked.add_response("get_mount_target", {**target, **more}, {"mountTargetId": TARGET})
    assert ask(mount) == replace(FOUND, mount=mount, owner=owner)


def changed(**members: Any) -> FileSystem:
    return replace(FOUND, targets=[replace(NEAR, **members)])


def let_in(**rule: Any) -> FileSystem:
    return replace(FOUND, groups=[{**GROUP, "IpPermissions": [{**FROM_OURS, "UserIdGroupPairs": [], **rule}]}])


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (FOUND, ""),
        (replace(FOUND, owner=EFS), ""),
        (let_in(IpRanges=[{"CidrIp": "10.0.0.0/16"}]), ""),
        (let_in(IpProtocol="-1", IpRanges=[{"CidrIp": "10.0.0.0/16"}]), ""),
        (replace(FOUND, owner="fs-9"), "fsap-01234567 is an access point of fs-9, not of fs-01234567"),
        (replace(FOUND, state="creating"), "the access point fsap-01234567 is creating"),
        (changed(zone="use1-az3"), "no available mount target where the subnets are, but in use1-az3"),
        (changed(vpc="vpc-2"), "no available mount target where the subnets are"),
        (changed(state="deleting"), "no available mount target where the subnets are"),
        (replace(FOUND, targets=[]), "but in no zone at all"),
        (let_in(), "lets TCP port 2049 in"),
        (let_in(UserIdGroupPairs=[{"GroupId": "sg-2"}]), "lets TCP port 2049 in"),
        (let_in(FromPort=443, ToPort=443, IpRanges=[{"CidrIp": "0.0.0.0/0"}]), "lets TCP port 2049 in"),
        (changed(groups=[]), "lets TCP port 2049 in"),
    ],
)
def test_a_mount_is_judged(found: FileSystem, told: str) -> None:
    faults = "; ".join(file_systems.faults(found, SUBNETS, ["sg-1"]))
    assert told in faults
    assert bool(told) == bool(faults)


def test_mounts_need_a_way_out() -> None:
    closed, opened = facts(rules=(HTTPS,)), facts(rules=(HTTPS, NFS_OUT))
    for vpc in (closed, opened):
        vpc.subnets = [{**subnet, **zone} for subnet, zone in zip(vpc.subnets, SUBNETS, strict=True)]
    assert networks.judge(closed, (), "us-east-1").faults == []
    closed.file_systems = opened.file_systems = [FOUND]
    assert networks.judge(opened, (), "us-east-1").faults == []
    (fault,) = networks.judge(closed, (), "us-east-1").faults
    assert fault == "no security group allows outgoing TCP port 2049, which mounts need"
