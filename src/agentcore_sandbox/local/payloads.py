"""Payloads of `result` events. Keys, their order and texts: the recordings in tests/wire; the rest is assumed."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Sequence
from typing import Any

Payload = dict[str, Any]

# Beside the standard table, which differs between machines.
MIME_TYPES = mimetypes.MimeTypes()


class ToolError(Exception):
    """A tool failed: an answer to the caller, not a failure of the service."""


def text_block(text: str) -> Payload:
    """Return a content block."""
    return {"type": "text", "text": text}


def success(text: str) -> Payload:
    """Return the payload of a tool that only says that it is done."""
    return {"content": [text_block(text)], "isError": False}


def failure(text: str) -> Payload:
    """Return the payload of a tool that failed: no structured content (recorded)."""
    return {"content": [text_block(text)], "isError": True}


def blocks(content: list[Payload]) -> Payload:
    """Return the payload of a tool that answers with content blocks."""
    return {"content": content, "isError": False}


def execution(stdout: str, stderr: str, exit_code: int, seconds: float, images: Sequence[bytes] = ()) -> Payload:
    """Return the payload of a program that ran; `executionTime` is in seconds (recorded)."""
    content = [text_block(text) for text in (stdout, stderr) if text] + [image_block(image) for image in images]
    streams = {"stdout": stdout, "stderr": stderr, "exitCode": exit_code, "executionTime": seconds}
    return {"content": content, "structuredContent": streams, "isError": exit_code != 0}


def image_block(image: bytes) -> Payload:
    """Return a PNG image (block as in AWS's model; never recorded)."""
    return {"type": "image", "mimeType": "image/png", "data": base64.b64encode(image).decode()}


def resource(path: str, content: bytes) -> Payload:
    """Return a file's content: text where it is text, else a blob."""
    mime_type = mime_type_of(path)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        blob = base64.b64encode(content).decode()
        inner = {"type": "blob", "uri": f"file:///{path}", "mimeType": mime_type or "application/octet-stream", "blob": blob}
    else:
        inner = {"type": "text", "uri": f"file:///{path}", "mimeType": mime_type or "text/plain", "text": text}
    return {"type": "resource", "resource": inner}


def resource_link(path: str, name: str, *, folder: bool) -> Payload:
    """Return one entry of a listing."""
    mime_type = None if folder else mime_type_of(name)
    kind = {"mimeType": mime_type} if mime_type else {}
    description = "Directory" if folder else "File"
    return {"type": "resource_link", **kind, "uri": f"file:///{path}", "name": name, "description": description}


def mime_type_of(name: str) -> str | None:
    """Return the type that a file's suffix stands for."""
    return MIME_TYPES.guess_type(name)[0]
