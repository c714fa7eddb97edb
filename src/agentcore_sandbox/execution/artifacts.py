"""Artifacts: images and files that come as content blocks of a result. All of it is untrusted."""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from agentcore_sandbox.atomic_files import StagingFolder

SUFFIXES = {
    **{f"image/{kind}": f".{kind}" for kind in ("png", "gif", "webp")},
    "image/jpeg": ".jpg",
    "image/svg+xml": ".svg",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
}
_UNSAFE = re.compile(r"[^0-9A-Za-z._-]+")
_LONGEST_NAME = 80
_MOST_TRIES = 10_000
_MODE = 0o666


class Artifact(NamedTuple):
    """One image or file of a result.

    Attributes:
        name: What it would be called; safe.
        mime_type: As the sandbox says.
        data: Its bytes.
        path: Where it was saved, None where it was not.
    """

    name: str
    mime_type: str
    data: bytes
    path: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` shows."""
        return {"name": self.name, "mimeType": self.mime_type, "size": len(self.data), "path": self.path}


def find(content: Iterable[Mapping[str, Any]]) -> list[Artifact]:
    """The artifacts among content blocks.

    Args:
        content: As in the service model's `ContentBlock`: image with `data`, resource with `blob` or `text`.
    """
    found: list[Artifact] = []
    for block in content:
        data = _data(block)
        if data is not None:
            found.append(_artifact(block, data, len(found) + 1))
    return found


def _data(block: Mapping[str, Any]) -> bytes | None:
    if block.get("type") == "image":
        return _decoded(block.get("data"))
    resource = block.get("resource")
    if block.get("type") != "resource" or not isinstance(resource, dict):
        return None
    blob = resource.get("blob")
    return _decoded(blob) if blob is not None else str(resource.get("text") or "").encode("utf-8", "replace")


def _decoded(data: Any) -> bytes | None:
    """Botocore has undone the wire's base64; text is what another decoder has left as it was."""
    if not isinstance(data, str):
        return None if data is None else bytes(data)
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        return None


def _artifact(block: Mapping[str, Any], data: bytes, number: int) -> Artifact:
    resource = block.get("resource")
    described = resource if isinstance(resource, dict) else block
    mime_type = str(described.get("mimeType") or "application/octet-stream")
    last = str(described.get("uri") or "").rpartition("/")[2]
    name = _UNSAFE.sub("_", last).strip("._")[-_LONGEST_NAME:].lstrip(".")
    kind = "image" if block.get("type") == "image" else "file"
    return Artifact(name or f"{kind}-{number}{SUFFIXES.get(mime_type, '.bin')}", mime_type, data)


def save(artifacts: Sequence[Artifact], folder: Path) -> list[Artifact]:
    """Save artifacts; a name that is taken gets a number.

    Raises:
        AgentcoreSandboxError: `LocalFile`: one cannot be written.
    """
    if not artifacts:
        return []
    from agentcore_sandbox.atomic_files import staging_folder

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with staging_folder(folder) as staging:
            return [artifact._replace(path=str(_save(artifact, folder, staging))) for artifact in artifacts]
    except OSError as error:
        message = f"cannot save to {folder}: {error.strerror or error}"
        raise AgentcoreSandboxError("LocalFile", message, "choose another folder for --artifacts") from None


def _save(artifact: Artifact, folder: Path, staging: StagingFolder) -> Path:
    from agentcore_sandbox.atomic_files import publish

    file = staging.write(artifact.data)
    for number in range(1, _MOST_TRIES):
        path = folder / (artifact.name if number == 1 else f"{number}-{artifact.name}")
        with suppress(FileExistsError):
            publish(file, path, mode=_MODE)
            return path
    raise OSError(f"there are too many files named {artifact.name}")
