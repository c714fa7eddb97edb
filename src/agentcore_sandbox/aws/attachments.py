"""What AWS attaches to sessions: file systems of the account that outlive them, and certificates. Pure.

Shapes and limits are those of botocore's model of bedrock-agentcore. Its documentation, and the developer guide's "File
system configurations for AgentCore Code Interpreter", name lower limits, which are left to the service.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox.api import MOUNT_FORM
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_MOUNTS, MOST_CERTIFICATES = 10, 200
S3_FILES, EFS = "s3files", "elasticfilesystem"
_MEMBERS = {S3_FILES: "s3FilesConfiguration", EFS: "efsConfiguration"}
# Compiled only where there is a mount.
_ACCESS_POINT = (
    r"(?P<account>arn:aws[a-z-]*:(?P<service>s3files|elasticfilesystem):[a-z0-9-]+:[0-9]{12}):"
    r"(?:file-system/(?P<file_system>fs-[0-9a-f]{8,40})/)?access-point/(?P<id>fsap-[0-9a-f]{8,40})"
)
_FILE_SYSTEM = r"(?:arn:aws[a-z-]*:[a-z0-9]+:[a-z0-9-]+:[0-9]{12}:file-system/)?(?P<id>fs-[0-9a-f]{8,40})"
_PATH = r"/mnt/(?!\.{1,2}$)[a-zA-Z0-9._-]{1,195}"
_CERTIFICATE = r"arn:aws(-[a-z-]+)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]+"
_HINT = (
    f"write {MOUNT_FORM}: a folder below /mnt/, the ARN of an access point of S3 Files or EFS, and for EFS the id of "
    "its file system, such as /mnt/data=arn:aws:elasticfilesystem:us-east-1:111122223333:access-point/"
    "fsap-0123456789abcdef0,fs-0123456789abcdef0"
)


class Mount(NamedTuple):
    """The folder where a session finds a file system, and the ARNs of its access point and of itself."""

    path: str
    access_point: str
    file_system: str

    @classmethod
    def read(cls, text: str) -> Mount:
        """Read `MOUNT_FORM`. The file system may be an id; that of S3 Files is a part of the access point's ARN.

        Raises:
            UsageError: It is not of this form.
        """
        path, _, rest = text.partition("=")
        access_point, _, given = rest.partition(",")
        point, system = re.fullmatch(_ACCESS_POINT, access_point), re.fullmatch(_FILE_SYSTEM, given)
        if not re.fullmatch(_PATH, path.rstrip("/")) or not point or (given and not system):
            raise UsageError(f"not a mount: {text!r}", _HINT)
        in_point, in_given = point["file_system"], system["id"] if system else None
        if (point["service"] == S3_FILES) != bool(in_point) or not (in_point or in_given):
            raise UsageError(f"the file system of the mount is missing, or not of this service: {text!r}", _HINT)
        file_system = f"{point['account']}:file-system/{in_point or in_given}"
        if given and given not in (file_system, in_point or in_given):
            raise UsageError(f"{given} is not the file system of {access_point}", _HINT)
        return cls(path.rstrip("/"), access_point, file_system)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Mount:
        """Read a member of the API's `filesystemConfigurations`."""
        found: Mapping[str, Any] = next((answer[member] for member in _MEMBERS.values() if member in answer), {})
        path, access_point, file_system = (str(found.get(key) or "") for key in _KEYS)
        return cls(path.rstrip("/"), access_point, file_system)

    @property
    def service(self) -> str:
        """`S3_FILES` or `EFS`, the prefix of its IAM actions."""
        return self.access_point.split(":")[2]

    def configuration(self) -> dict[str, Any]:
        """The member of the API's `filesystemConfigurations`."""
        return {_MEMBERS[self.service]: dict(zip(_KEYS, (self.path, self.access_point, self.file_system), strict=True))}


_KEYS = ("mountPath", "accessPointArn", "fileSystemArn")


class Attachments(NamedTuple):
    """File systems, and ARNs of the secrets that hold certificates."""

    mounts: Sequence[Mount] = ()
    certificates: Sequence[str] = ()

    def members(self) -> dict[str, Any]:
        """The members of a request that creates an interpreter or starts a session; none where there is nothing."""
        mounts = [mount.configuration() for mount in self.mounts]
        locations = [{"location": {"secretsManager": {"secretArn": arn}}} for arn in self.certificates]
        members = {"filesystemConfigurations": mounts, "certificates": locations}
        return {name: value for name, value in members.items() if value}

    def described(self) -> dict[str, Any]:
        """The same in the command line's JSON output."""
        mounts = [
            {"path": mount.path, "accessPoint": mount.access_point, "fileSystem": mount.file_system}
            for mount in self.mounts
        ]
        return {"mounts": mounts, "certificates": list(self.certificates)}

    def as_text(self) -> str:
        """The same as JSON, empty for nothing."""
        return json.dumps(self.members()) if self != NOTHING else ""

    @classmethod
    def of_text(cls, text: str) -> Attachments:
        """Undo `as_text`.

        Raises:
            ValueError: The text is something else.
        """
        try:
            return of(json.loads(text)) if text else NOTHING
        except (AttributeError, TypeError):
            raise ValueError(text) from None

    def is_like(self, other: Attachments) -> bool:
        """Whether both have the same, in any order."""
        return sorted(self.mounts) == sorted(other.mounts) and sorted(self.certificates) == sorted(other.certificates)


NOTHING = Attachments()


def read(mounts: Sequence[str], certificates: Sequence[str]) -> Attachments:
    """Read the values of `--mount` and `--certificate`.

    Raises:
        UsageError: One is invalid, two have the same path, or there are too many.
    """
    found = Attachments(tuple(map(Mount.read, mounts)), tuple(dict.fromkeys(certificates)))
    if len({mount.path for mount in found.mounts}) < len(found.mounts):
        raise UsageError("two mounts have the same path", "give each --mount a path of its own")
    for wrong in (arn for arn in found.certificates if not re.fullmatch(_CERTIFICATE, arn)):
        hint = "it is the ARN of a secret, such as arn:aws:secretsmanager:us-east-1:111122223333:secret:root-ca-AbCdEf"
        raise UsageError(f"not a valid --certificate: {wrong!r}", hint)
    if len(found.mounts) > MOST_MOUNTS or len(found.certificates) > MOST_CERTIFICATES:
        raise UsageError(f"at most {MOST_MOUNTS} mounts and {MOST_CERTIFICATES} certificates are allowed")
    return found


def of(answer: Mapping[str, Any]) -> Attachments:
    """What an answer about an interpreter says of them."""
    locations = [item.get("location") or {} for item in answer.get("certificates") or ()]
    secrets = tuple(str((location.get("secretsManager") or {}).get("secretArn") or "") for location in locations)
    return Attachments(tuple(map(Mount.of, answer.get("filesystemConfigurations") or ())), secrets)
