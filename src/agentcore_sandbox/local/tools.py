"""The nine tools of a session: arguments in, payload of the `result` event out."""

from __future__ import annotations

import base64
import binascii
import errno
import posixpath
import threading
from collections.abc import Callable, Mapping
from typing import Any

from . import arguments, payloads
from .bwrap import WORK
from .calls import HungUpError, SandboxGoneError
from .payloads import Payload, ToolError
from .sandbox import Sandbox

Arguments = Mapping[str, Any]
Tool = Callable[[Sandbox, Arguments, threading.Event], Payload]

FOREVER_SECONDS = 1e6  # the host ends a synchronous call
LANGUAGES = ("python", "javascript", "typescript")


def invoke(sandbox: Sandbox, name: str, arguments_: Arguments, cancelled: threading.Event) -> Payload:
    """Run one tool.

    Args:
        sandbox: The session's.
        name: One of AWS's nine tool names.
        arguments_: The tool's arguments; blobs as base64 text.
        cancelled: Set by the caller to interrupt what runs; the session lives on.

    Returns:
        The payload of the `result` event; blobs and images as base64 text.

    Raises:
        KeyError: There is no such tool.
        SandboxGoneError: The sandbox has died.
    """
    tool = TOOLS[name]
    label = arguments.snake_case(name)
    try:
        arguments.check(label, arguments_)
        return tool(sandbox, arguments_, cancelled)
    except ToolError as error:
        return payloads.failure(f"Error executing tool {label}: {error}")


def execute_code(sandbox: Sandbox, given: Arguments, cancelled: threading.Event) -> Payload:
    """Run code in the context of its language."""
    language = given.get("language", "python")
    request = {"code": given["code"], "clear": bool(given.get("clearContext"))}
    request["outputLimit"] = sandbox.config.limits.output_bytes
    answer, data = _call(sandbox, language, request, cancelled)
    stdout, stderr, *images = _split(data, answer["sizes"])
    streams = [stream.decode("utf-8", "replace").removesuffix("\n") for stream in (stdout, stderr)]
    return payloads.execution(*streams, int(answer["exitCode"]), float(answer["seconds"]), images)


def execute_command(sandbox: Sandbox, given: Arguments, cancelled: threading.Event) -> Payload:
    """Run a shell command under a terminal, which merges the streams; a failure's output is in stderr (recorded)."""
    request = _command(sandbox, given["command"], FOREVER_SECONDS)
    answer, data = _call(sandbox, "request", request, cancelled)
    return command_payload(answer, data)


def command_payload(answer: dict[str, Any], data: bytes) -> Payload:
    output, exit_code = data.decode("utf-8", "replace"), int(answer["exitCode"])
    streams = ("", output) if exit_code else (output, "")
    return payloads.execution(*streams, exit_code, float(answer["seconds"]))


def _command(sandbox: Sandbox, command: str, seconds: float) -> dict[str, Any]:
    size, limit = len(command.encode()), sandbox.config.limits.command_bytes
    if size > limit:
        raise ToolError(f"The command has {size} bytes, more than {limit}. Write it to a file and run the file.")
    return {"do": "command", "command": command, "seconds": seconds, "outputLimit": sandbox.config.limits.output_bytes}


def read_files(sandbox: Sandbox, given: Arguments, cancelled: threading.Event) -> Payload:
    """Return the contents of files: all, or an error where one is missing."""
    paths = [_inside(path) for path in given["paths"]]
    request = {"do": "read", "paths": paths, "dataLimit": sandbox.config.limits.payload_bytes}
    answer, data = _call(sandbox, "request", request, cancelled)
    contents = _split(data, answer["sizes"])
    return payloads.blocks([payloads.resource(path, content) for path, content in zip(paths, contents, strict=True)])


def list_files(sandbox: Sandbox, given: Arguments, cancelled: threading.Event) -> Payload:
    """List one level of a folder, which `path` or `directoryPath` names."""
    folder = _inside(given.get("path") or given.get("directoryPath") or ".")
    answer, _ = _call(sandbox, "request", {"do": "list", "path": folder}, cancelled)
    return payloads.blocks(
        [
            payloads.resource_link(posixpath.normpath(f"{folder}/{name}"), str(name), folder=bool(is_folder))
            for name, is_folder in answer["entries"]
        ]
    )


def remove_files(sandbox: Sandbox, given: Arguments, cancelled: threading.Event) -> Payload:
    paths = [_inside(path) for path in given["paths"]]
    _call(sandbox, "request", {"do": "remove", "paths": paths}, cancelled)
    return payloads.success(f"Successfully removed all {len(paths)} files")


def write_files(sandbox: Sandbox, given: Arguments, cancelled: threading.Event) -> Payload:
    contents = [(_inside(file["path"]), _content(file)) for file in given["content"]]
    request = {"do": "write", "files": [[path, len(content)] for path, content in contents]}
    _call(sandbox, "request", request, cancelled, b"".join(content for _, content in contents))
    return payloads.success(f"Successfully wrote all {len(contents)} files")


def _content(file: Mapping[str, Any]) -> bytes:
    if "blob" not in file:
        return str(file.get("text", "")).encode()
    try:
        return base64.b64decode(file["blob"], validate=True)
    except binascii.Error as error:
        raise ToolError(f"Invalid base64 in blob: {error}") from error


def _inside(path: str) -> str:
    """Return a path relative to the work directory."""
    relative = posixpath.relpath(path, WORK) if path.startswith("/") else posixpath.normpath(path)
    if ".." in path.split("/") or relative.split("/")[0] == "..":
        raise ToolError("Invalid file path: potential path traversal detected")
    return relative


def _call(
    sandbox: Sandbox, label: str, request: dict[str, Any], cancelled: threading.Event, data: bytes = b""
) -> tuple[dict[str, Any], bytes]:
    call = sandbox.call(label)
    try:
        call.send(request, data)
        answer, content = call.answer(cancelled)
    except HungUpError as error:
        if sandbox.has_ended(1.0):
            raise SandboxGoneError("it ended in the middle of a call") from error
        raise ToolError("The process that ran it was killed") from error
    finally:
        call.close()
    if "error" in answer:
        raise _tool_error(answer["error"])
    return answer, content


def _tool_error(error: Mapping[str, Any]) -> ToolError:
    path = error["path"]
    if error["errno"] == errno.ENOENT:
        return ToolError(f"File {path} not found")
    return ToolError(f"{error['text']}: {path}" if path else str(error["text"]))


def _split(data: bytes, sizes: list[int]) -> list[bytes]:
    parts, position = [], 0
    for size in sizes:
        parts.append(data[position : position + size])
        position += size
    return parts


TOOLS: dict[str, Tool] = {
    "executeCode": execute_code,
    "executeCommand": execute_command,
    "readFiles": read_files,
    "listFiles": list_files,
    "removeFiles": remove_files,
    "writeFiles": write_files,
}
