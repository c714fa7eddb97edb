"""Encode `application/vnd.amazon.eventstream` messages.

Layout (Smithy's event stream specification, checked with botocore's decoder in the tests): total length, header length
and a CRC32 of these two, headers, payload, CRC32 of all before it; integers are big-endian.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_emulator.service.errors import ServiceError

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_PAYLOAD = 24 * 1024 * 1024
"""Bytes. botocore.eventstream decodes no larger payload."""
_STRING = 7
_OVERHEAD = 16
_SHORT_ESCAPES = b'"\\\b\t\n\f\r'
"""In JSON two bytes; other control characters are six, such as `\\u0000`."""
_PLAIN = bytes(set(range(32, 256)) - set(_SHORT_ESCAPES))
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def result(payload: Mapping[str, Any]) -> bytes:
    """Encode a `result` event.

    Raises:
        PayloadTooLargeError: No client could decode the message.
    """
    if (least := _least_size(payload)) > MAX_PAYLOAD:  # before it takes six times that, as NUL characters do in JSON
        raise PayloadTooLargeError(least)
    body = _encode(payload).encode(errors="replace")
    if len(body) > MAX_PAYLOAD:
        raise PayloadTooLargeError(len(body))
    return _message({":message-type": "event", ":event-type": "result"}, body)


def exception(error: ServiceError) -> bytes:
    """Encode a modelled exception that arrives inside the stream, after HTTP 200."""
    member = error.code[0].lower() + error.code[1:]
    body = json.dumps(error.body()).encode()
    return _message({":message-type": "exception", ":exception-type": member}, body)


class PayloadTooLargeError(Exception):
    """The JSON of a result has `size` bytes, more than MAX_PAYLOAD."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def text_size(text: str) -> int:
    """Return how many bytes a text takes as JSON, without making that."""
    encoded = text.encode(errors="replace")
    escaped = encoded.translate(None, _PLAIN)
    return len(encoded) + len(escaped) + 4 * len(escaped.translate(None, _SHORT_ESCAPES)) + 2


def _least_size(value: Any) -> int:
    """Return the bytes that the texts of a payload take."""
    if isinstance(value, str):
        return text_size(value)
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_least_size, members))


def _message(headers: Mapping[str, str], body: bytes) -> bytes:
    block = b"".join(_header(*item) for item in {**headers, ":content-type": "application/json"}.items())
    prelude = struct.pack(">II", _OVERHEAD + len(block) + len(body), len(block))
    head = b"".join([prelude, _crc(prelude), block])
    return b"".join([head, body, _crc(body, zlib.crc32(head))])


def _header(name: str, value: str) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()


def _crc(data: bytes, before: int = 0) -> bytes:
    return struct.pack(">I", zlib.crc32(data, before))
