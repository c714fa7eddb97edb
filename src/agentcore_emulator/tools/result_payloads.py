"""Payloads of `result` events. Keys, their order and texts are those of the recordings in tests/wire."""

from __future__ import annotations

import base64
import mimetypes
import re
from typing import TYPE_CHECKING, Any

from agentcore_emulator.service.event_stream import MAX_PAYLOAD, text_size

if TYPE_CHECKING:
    from collections.abc import Sequence

Payload = dict[str, Any]

RESULT_BYTES = MAX_PAYLOAD - (1 << 16)
"""What the texts and images of a result may take as JSON: botocore refuses messages above 24 MiB."""
CONTENT_BYTES = 1 << 20
"""What of it is kept for the content blocks, which repeat the streams."""
LEFT_OUT = "\n... {} characters of output left out ...\n"
LONGEST_CHARACTER = len(r"\u0001")  # of a text as JSON
NOTES_BYTES = 300  # what both notes take at most
TOO_LONG = "Standard output was too long: {} bytes in its middle were left out."
NOT_WHOLE = "Standard output was too long: lines in its middle say how much was left out."
_TOLD_BEFORE = re.compile(r"\n\.\.\. \d{1,15} (?:bytes|characters) of output left out \.\.\.\n")
NOT_REPEATED = "\n... {} characters left out here: structuredContent has them ...\n"
MIME_TYPES = mimetypes.MimeTypes()
"""Python's own table, without the files of this machine."""


class ToolError(Exception):
    """A tool failed: a result for the caller, not an error of the API."""


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
    stdout: str,
    stderr: str,
    exit_code: int,
    seconds: float,
    *,
    images: Sequence[bytes] = (),
    status: str = "",
    left_out: int = 0,
) -> Payload:
    """Return the payload of a program that ran, or of a task with a `status`. The images are PNG files.

    AWS documents executionTime as milliseconds, every recording has seconds. `left_out` bytes are missing from the
    middle of `stdout`, where a line says so.
    """
    pictures = [_image_block(image) for image in images]
    room = RESULT_BYTES - sum(len(picture["data"]) for picture in pictures)
    whole = stdout
    stdout, stderr = _fitting_pair(stdout, stderr, room - CONTENT_BYTES, LEFT_OUT)
    if left_out or stdout != whole:  # who sends it into a file would not see the line there
        note = TOO_LONG.format(left_out) if stdout == whole else NOT_WHOLE
        stderr = "\n".join([*filter(None, [stderr]), note])
    repeated = _fitting_pair(stdout, stderr, room - text_size(stdout) - text_size(stderr), NOT_REPEATED)
    content = [_text_block(text) for text in repeated if text] + pictures
    structured = {"stdout": stdout, "stderr": stderr, "exitCode": exit_code, "executionTime": seconds}
    if status:
        structured = {"taskStatus": status, **structured}
    return {"content": content, "structuredContent": structured, "isError": exit_code != 0}


def with_notes(payload: Payload, notes: Sequence[str]) -> Payload:
    """Add sentences about the session to a result: to the errors of a program, else to the text."""
    if not notes:
        return payload
    content = [*payload["content"], *map(_text_block, notes)]
    structured = payload.get("structuredContent")
    if not structured:
        return {**payload, "content": content}
    stderr = "\n".join([*filter(None, [structured.get("stderr")]), *notes])
    return {**payload, "content": content, "structuredContent": {**structured, "stderr": stderr}}


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


def _fitting_pair(stdout: str, stderr: str, room: int, note: str) -> tuple[str, str]:
    """Shorten both streams until their JSON fits into `room` bytes; of a large pair a quarter is for the errors."""
    if LONGEST_CHARACTER * (len(stdout) + len(stderr) + 1) <= room:
        return stdout, stderr  # nearly always, without a measurement
    stderr = _fitting(stderr, max(room // 4, room - text_size(stdout)), note)
    return _fitting(stdout, room - text_size(stderr), note), stderr


def _fitting(text: str, room: int, note: str) -> str:
    """Shorten a text, in its middle, until its JSON fits into `room` bytes."""
    while (size := text_size(text)) > room:
        kept = len(text) * (room - NOTES_BYTES) // size * 9 // 20
        middle = text[kept:-kept]
        before = _TOLD_BEFORE.search(middle)  # by the agent, which keeps a head and a tail: not to be lost
        text = text[:kept] + (before[0] if before else "") + note.format(len(middle)) + text[-kept:]
    return text
