"""Signed requests as plain HTTP, for what no SDK sends."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentcore_emulator.service import sigv4

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_emulator.service.sigv4 import Keys

PATIENCE = 300.0  # seconds


@dataclass(frozen=True)
class Answer:
    """A JSON answer."""

    status: int
    headers: dict[str, str]
    body: Any


def call(
    url: str,
    keys: Keys,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    skew: timedelta = timedelta(0),
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request.

    Args:
        url: The endpoint.
        keys: To sign with.
        method: HTTP method.
        target: Path and query.
        body: Of the request.
        skew: By how much our clock is wrong.
        headers: Go along unsigned and may replace the signed ones.
    """
    address = urlsplit(url)
    path, _, query = target.partition("?")
    message = sigv4.Message(method, path, query, {"host": address.netloc}, body)
    signed = sigv4.sign(message, "us-east-1", keys, datetime.now(timezone.utc) + skew)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=PATIENCE)
    try:
        connection.request(method, target, body, {**signed, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), json.loads(answer.read()))
    finally:
        connection.close()
