"""What the mounts of an interpreter in a VPC need: reachable mount targets of each file system, and its access point.

Sessions mount through NFS, in the subnets of the interpreter, from a mount target in the same Availability Zone, and a
mount that fails lets the session's start fail (developer guide, "File system configurations for AgentCore Code
Interpreter"). That one common zone is enough, and that other rules than security groups let NFS pass, is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.aws.attachments import S3_FILES
from agentcore_sandbox.aws.errors import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agentcore_sandbox.aws.attachments import Mount
    from agentcore_sandbox.aws.connect import Connection

NFS = 2049


@dataclass(frozen=True)
class MountTarget:
    """Where a file system can be reached: in a VPC and an Availability Zone (its id), behind security groups."""

    vpc: str
    zone: str
    state: str
    groups: Sequence[str]


@dataclass(frozen=True)
class FileSystem:
    """What its service says about a mount: whose the access point is, and in which state; `groups` in EC2's shapes."""

    mount: Mount
    owner: str
    state: str
    targets: Sequence[MountTarget]
    groups: Sequence[Any]


def ask(mount: Mount, connection: Connection) -> FileSystem:
    """Ask about a mount.

    Raises:
        AgentcoreSandboxError: A service cannot be asked, or does not know it.
    """
    with translated(connection.settings):
        asked = _ask_s3_files if mount.service == S3_FILES else _ask_efs
        owner, state, targets = asked(mount, connection)
        wanted = sorted({group for target in targets for group in target.groups})
        ec2 = connection.client("ec2")
        groups = ec2.describe_security_groups(GroupIds=wanted)["SecurityGroups"] if wanted else []
    return FileSystem(mount, owner, state, targets, groups)


def _ask_efs(mount: Mount, connection: Connection) -> tuple[str, str, list[MountTarget]]:
    efs = connection.client("efs")
    (point,) = efs.describe_access_points(AccessPointId=_id(mount.access_point))["AccessPoints"]
    found = efs.get_paginator("describe_mount_targets").paginate(FileSystemId=_id(mount.file_system))
    targets = []
    for target in (target for page in found for target in page["MountTargets"]):
        groups = efs.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])["SecurityGroups"]
        targets.append(
            MountTarget(target["VpcId"], target["AvailabilityZoneId"], target["LifeCycleState"].lower(), groups)
        )
    return point["FileSystemId"], point["LifeCycleState"].lower(), targets


def _ask_s3_files(mount: Mount, connection: Connection) -> tuple[str, str, list[MountTarget]]:
    s3files = connection.client("s3files")
    point = s3files.get_access_point(accessPointId=_id(mount.access_point))
    found = s3files.get_paginator("list_mount_targets").paginate(fileSystemId=_id(mount.file_system))
    targets = []
    for target_id in (target["mountTargetId"] for page in found for target in page["mountTargets"]):
        target = s3files.get_mount_target(mountTargetId=target_id)
        groups = target.get("securityGroups", ())
        targets.append(MountTarget(target["vpcId"], target["availabilityZoneId"], target["status"].lower(), groups))
    return point["fileSystemId"], point["status"].lower(), targets


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]


def faults(found: FileSystem, subnets: Iterable[Any], groups: Iterable[str]) -> Iterator[str]:
    """Say what rules a mount out, in subnets and behind security groups that an interpreter has. Pure.

    Args:
        found: The mount.
        subnets: In EC2's shapes.
        groups: Ids.
    """
    mount, wanted = found.mount, _id(found.mount.file_system)
    if found.owner not in (wanted, mount.file_system):
        yield f"{_id(mount.access_point)} is an access point of {found.owner}, not of {wanted}"
    if found.state != "available":
        yield f"the access point {_id(mount.access_point)} is {found.state}"
    places = {(subnet["VpcId"], subnet["AvailabilityZoneId"]) for subnet in subnets}
    near = [target for target in found.targets if (target.vpc, target.zone) in places and target.state == "available"]
    if not near:
        zones = ", ".join(sorted({target.zone for target in found.targets})) or "no zone at all"
        yield f"{wanted} has no available mount target where the subnets are, but in {zones}"
    elif not any(_lets_in(found.groups, target, set(groups)) for target in near):
        yield f"no security group of the mount targets of {wanted} lets TCP port {NFS} in from the interpreter's"


def _lets_in(groups: Sequence[Any], target: MountTarget, ours: set[str]) -> bool:
    """Whether a rule lets our groups in, or some addresses: which of these the sessions have is not known."""
    rules = [rule for group in groups if group["GroupId"] in target.groups for rule in group["IpPermissions"]]
    return any(allows(rule, NFS) and _is_from(rule, ours) for rule in rules)


def _is_from(rule: Any, groups: set[str]) -> bool:
    named = {pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", ())}
    return bool(named & groups) or any(rule.get(key) for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds"))


def allows(rule: Any, port: int) -> bool:
    """Whether a rule of a security group is about a TCP port."""
    if rule["IpProtocol"] == "tcp":
        return port in range(rule["FromPort"], rule["ToPort"] + 1)
    return bool(rule["IpProtocol"] == "-1")  # all protocols; has no ports
