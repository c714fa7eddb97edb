"""What passes between the HTTP server and the operations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


Members = Mapping[str, Any]
"""The checked members of a request, or the members of an answer."""
Record = Callable[[Mapping[str, Any]], None]
"""Is told of each request when it is performed and when it is answered; never keys, headers or bodies."""


@dataclass(frozen=True)
class Request:
    """An HTTP request whose signature is verified.

    Args:
        request_id: Ours, as the answer's headers give it.
        method: HTTP method.
        path: Percent-encoded, as on the wire.
        query: As on the wire, without the question mark.
        region: The one that the request was signed for.
        headers: Names in lower case.
        body: The whole body, JSON or empty.
        cancelled: Set when the caller has hung up.
    """

    request_id: str
    method: str
    path: str
    query: str
    region: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Answer:
    """A JSON body and the HTTP status that the model names."""

    body: Members
    status: int


@dataclass(frozen=True)
class EventStream:
    """Encoded messages, each made when it is asked for, and headers that go before them."""

    headers: Mapping[str, str]
    messages: Iterator[bytes]


Result = Members | EventStream
"""What an operation returns."""
Handler = Callable[[Members, Request], Result]
"""Performs an operation."""


def timestamp(moment: datetime) -> str:
    """Return the form that the model prescribes for times in answers."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
