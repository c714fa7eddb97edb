"""The file tools. Only the agent in the sandbox touches files; here names and contents are checked."""

from __future__ import annotations

import base64
import errno
import itertools
import posixpath
from typing import TYPE_CHECKING, Any

from agentcore_emulator.agent.protocol import REQUEST
from agentcore_emulator.isolation.bubblewrap import WORK
from agentcore_emulator.limits import human_bytes
from agentcore_emulator.service.event_stream import MAX_PAYLOAD
from agentcore_emulator.tools import agent_answers, result_payloads
from agentcore_emulator.tools.result_payloads import Payload, ToolError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agentcore_emulator.sandbox import Sandbox

MAX_ENTRIES = 100_000
"""Of a folder that is listed (assumed): more would not fit into one result."""
PIECE = 1 << 20  # characters of base64, whole groups of four
MAX_PATHS = 100_000
"""Files that are read at once (assumed)."""


def read_files(sandbox: Sandbox, cancelled: threading.Event, paths: Sequence[str]) -> Payload:
    """Return the contents of files: of all, or an error where one is missing."""
    paths = [_inside(path) for path in paths]
    if len(paths) > MAX_PATHS:
        raise ToolError(f"Too many files: {len(paths)}; at most {MAX_PATHS} can be read at once")
    limit = min(sandbox.config.limits.payload_bytes, MAX_PAYLOAD)
    request = {"do": "read", "paths": paths, "dataLimit": limit}
    contents = agent_answers.parts(*_ask(sandbox, request, cancelled), len(paths), len(paths))
    return result_payloads.blocks([result_payloads.resource(*file) for file in zip(paths, contents, strict=True)])


def list_files(
    sandbox: Sandbox, cancelled: threading.Event, path: str | None = None, directory_path: str | None = None
) -> Payload:
    """List one level of a folder."""
    folder = _inside(path or directory_path or ".")
    _, data = _ask(sandbox, {"do": "list", "path": folder, "limit": MAX_ENTRIES}, cancelled)
    links = [
        result_payloads.resource_link(posixpath.normpath(f"{folder}/{name}"), name, is_folder=is_folder)
        for name, is_folder in agent_answers.entries(data, MAX_ENTRIES)
    ]
    return result_payloads.blocks(links)


def remove_files(sandbox: Sandbox, cancelled: threading.Event, paths: Sequence[str]) -> Payload:
    """Remove files: all, or none where one is missing. The text is assumed."""
    paths = [_inside(path) for path in paths]
    _ask(sandbox, {"do": "remove", "paths": paths}, cancelled)
    return result_payloads.success(f"Successfully removed all {len(paths)} files")


def write_files(sandbox: Sandbox, cancelled: threading.Event, content: Sequence[Mapping[str, str]]) -> Payload:
    """Write files and make their folders."""
    files = [(_inside(file["path"]), _size(file)) for file in content]
    total, limit = sum(size for _, size in files), sandbox.config.limits.payload_bytes
    if total > limit:
        raise ToolError(f"The files have {total} bytes, at most {limit} can be written at once")
    if not sandbox.monitor.has_room(total):
        most = human_bytes(sandbox.config.limits.disk_bytes)
        raise ToolError(f"No space left: the session's files may take {most} in all; remove some of them")
    data = itertools.chain.from_iterable(map(_pieces, content))
    _ask(sandbox, {"do": "write", "files": files}, cancelled, data, total)
    return result_payloads.success(f"Successfully wrote all {len(files)} files")


def _size(file: Mapping[str, str]) -> int:
    blob = file.get("blob")
    return len(file["text"].encode()) if blob is None else len(blob) // 4 * 3 - blob[-2:].count("=")


def _pieces(file: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the content; of a blob, which was found to be base64, in pieces: the agent takes one during the next."""
    blob = file.get("blob")
    if blob is None:
        yield file["text"].encode()
    else:
        yield from (base64.b64decode(blob[start : start + PIECE]) for start in range(0, len(blob), PIECE))


def _inside(path: str) -> str:
    """Return a path relative to the work directory; nothing outside it can be named (text recorded)."""
    relative = posixpath.relpath(path, WORK) if path.startswith("/") else posixpath.normpath(path)
    if ".." in path.split("/") or ".." in relative.split("/"):
        raise ToolError("Invalid file path: potential path traversal detected")
    return relative


def _ask(
    sandbox: Sandbox, request: dict[str, Any], cancelled: threading.Event, data: Iterable[bytes] = (), size: int = 0
) -> tuple[dict[str, Any], bytes]:
    """Let the agent do one file operation; raises ToolError where it fails."""
    answer, content = sandbox.ask(REQUEST, request, cancelled, data, size)
    failure = answer.get("error")
    if isinstance(failure, dict):
        path, reason = agent_answers.text(failure, "path"), agent_answers.text(failure, "text")
        missing = failure.get("errno") == errno.ENOENT
        raise ToolError(f"File {path} not found" if missing else ": ".join(part for part in (reason, path) if part))
    return answer, content
