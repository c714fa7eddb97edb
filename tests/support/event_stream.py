"""Frames of `application/vnd.amazon.eventstream`, written without the product's own encoder."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message: prelude, its checksum, string headers, payload, checksum of it all."""
    encoded = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", zlib.crc32(message))


RESULT = {":message-type": "event", ":event-type": "result", ":content-type": "application/json"}


def event(kind: str, value: Any) -> bytes:
    return frame({**RESULT, ":event-type": kind}, json.dumps(value).encode())


def exception(kind: str, message: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": kind, ":content-type": "application/json"}
    return frame(headers, json.dumps({"message": message}).encode())


def result(stdout: str = "", stderr: str = "", exit_code: int = 0) -> bytes:
    content = [{"type": "text", "text": text} for text in (stdout, stderr) if text]
    structured = {"stdout": stdout, "stderr": stderr, "exitCode": exit_code, "executionTime": 0.01}
    return event("result", {"content": content, "structuredContent": structured, "isError": exit_code != 0})


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()
