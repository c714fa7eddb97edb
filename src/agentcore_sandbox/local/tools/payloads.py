"""Payloads of `result` events. Keys, their order and texts are those of the recordings in tests/wire."""

from __future__ import annotations

import base64
import json
import mimetypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Payload = dict[str, Any]

TEXT_BYTES = 5 << 20
"""What one stream may take as JSON. It is sent twice, there are two, and botocore refuses messages above 24 MiB."""
MIME_TYPES = mimetypes.MimeTypes()
"""Python's own table, without the files of this machine."""


class ToolError(Exception):
    """A tool failed: an answer to the caller, not a failure of the service."""


def success(text: str) -> Payload:
    """Return the payload of a tool that only says that it is done."""
    return {"content": [_text_block(text)], "isError": False}


def failure(text: str) -> Payload:
    """Return the payload of a tool that failed: no structured content (recorded)."""
    return {"content": [_text_block(text)], "isError": True}


def blocks(content: list[Payload]) -> Payload:
    """Return the payload of a tool that answers with content blocks."""
    return {"content": content, "isError": False}


def execution(
    stdout: str, stderr: str, exit_code: int, seconds: float, *, images: Sequence[bytes] = (), status: str = ""
) -> Payload:
    """Return the payload of a program that ran.

    Args:
        stdout: Its output.
        stderr: Its errors.
        exit_code: Its exit code.
        seconds: How long it ran; AWS's documentation says milliseconds, every recording has seconds.
        images: PNG files.
        status: The status of the task that it was.
    """
    stdout, stderr = _fitting(stdout), _fitting(stderr)
    content = [_text_block(text) for text in (stdout, stderr) if text] + [_image_block(image) for image in images]
    structured = {"stdout": stdout, "stderr": stderr, "exitCode": exit_code, "executionTime": seconds}
    if status:
        structured = {"taskStatus": status, **structured}
    return {"content": content, "structuredContent": structured, "isError": exit_code != 0}


def task(text: str, **structured: str) -> Payload:
    """Return the payload that tells of a task without a result."""
    return {"content": [_text_block(text)], "structuredContent": structured, "isError": False}


def resource(path: str, content: bytes) -> Payload:
    """Return a file: as text where it is UTF-8 (assumed), else as a blob."""
    head = {"uri": f"file:///{path}", "mimeType": _mime_type_of(path)}
    try:
        body = {"type": "text", **head, "mimeType": head["mimeType"] or "text/plain", "text": content.decode()}
    except UnicodeDecodeError:
        blob = base64.b64encode(content).decode()
        body = {"type": "blob", **head, "mimeType": head["mimeType"] or "application/octet-stream", "blob": blob}
    return {"type": "resource", "resource": body}


def resource_link(path: str, name: str, *, is_folder: bool) -> Payload:
    """Return one entry of a listing."""
    mime_type = None if is_folder else _mime_type_of(name)
    head = {"type": "resource_link", **({"mimeType": mime_type} if mime_type else {})}
    return {**head, "uri": f"file:///{path}", "name": name, "description": "Directory" if is_folder else "File"}


def _text_block(text: str) -> Payload:
    return {"type": "text", "text": text}


def _image_block(image: bytes) -> Payload:
    """Return a PNG image in the block of AWS's model; none was ever recorded."""
    return {"type": "image", "mimeType": "image/png", "data": base64.b64encode(image).decode()}


def _mime_type_of(name: str) -> str | None:
    return MIME_TYPES.guess_type(name)[0]


def _fitting(text: str) -> str:
    """Shorten a text, in its middle, until its JSON fits into a message."""
    while (size := len(json.dumps(text, ensure_ascii=False).encode(errors="replace"))) > TEXT_BYTES:
        kept = len(text) * TEXT_BYTES // size * 9 // 20
        text = f"{text[:kept]}\n... {len(text) - 2 * kept} characters of output left out ...\n{text[-kept:]}"
    return text
