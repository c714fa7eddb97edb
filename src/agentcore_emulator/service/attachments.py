"""File systems and certificates in requests: what the model does not check, and what stands for them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_emulator.attached import NOTHING, Attached, RefusedError, Roots
from agentcore_emulator.service import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOUNTS, CERTIFICATES = "filesystemConfigurations", "certificates"


def check(members: Mapping[str, Any], *, vpc: bool) -> None:
    """Refuse, with a ValidationException, mounts that no session could have.

    Args:
        members: Of a request that creates an interpreter or starts a session.
        vpc: Mounts are possible: they are documented for VPC mode only.
    """
    mounts = _mounts(members)
    if mounts and not vpc:
        raise errors.validation("filesystemConfigurations need networkMode VPC")
    paths = [_path(mount) for mount in mounts]
    if any(path in ("/mnt/.", "/mnt/..") for path in paths):  # the model's pattern lets them pass; assumed
        raise errors.validation("mountPath must be a folder below /mnt/")
    if len(set(paths)) < len(paths):  # documented; the error is assumed
        raise errors.validation("mountPath must be unique")


def joined(interpreter: Mapping[str, Any], session: Mapping[str, Any]) -> dict[str, Any]:
    """Both members of a session: what its interpreter has and what its start has asked for."""
    both = {name: [*interpreter.get(name, ()), *session.get(name, ())] for name in (MOUNTS, CERTIFICATES)}
    return {name: items for name, items in both.items() if items}


def resolve(members: Mapping[str, Any], roots: Roots) -> Attached:
    """Find what stands for them on this machine, or raise ValidationException; that this is the error is assumed."""
    if not members:
        return NOTHING
    try:
        mounts = {_path(mount): roots.folder(mount["accessPointArn"]) for mount in _mounts(members)}
        secrets = [item["location"]["secretsManager"]["secretArn"] for item in members.get(CERTIFICATES, ())]
        return Attached(mounts, "".join(map(roots.certificate, secrets)))
    except RefusedError as error:
        raise errors.validation(str(error)) from None


def _mounts(members: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What each configuration, a union, holds."""
    return [next(value for value in item.values() if value) for item in members.get(MOUNTS, ())]


def _path(mount: Mapping[str, Any]) -> str:
    return str(mount["mountPath"]).rstrip("/")
