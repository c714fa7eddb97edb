"""Requests on the wire: how much of one has been moved, and with `--verbose` a line for each."""

from __future__ import annotations

import io
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.retry import ATTEMPT

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

_sent: ContextVar[threading.Event | None] = ContextVar("sent", default=None)
_moved: ContextVar[Callable[[int], object] | None] = ContextVar("moved", default=None)
_traffic: ContextVar[_Traffic | None] = ContextVar("traffic", default=None)
_STARTED = "agentcore-sandbox-started"  # in botocore's context of a request


@contextmanager
def counting(moved: Callable[[int], object]) -> Iterator[None]:
    """Count the bytes of the requests that the block sends, and of their answers.

    Args:
        moved: Takes, from whichever thread, how many bytes of the newest request and its answer have been moved so far.
    """
    token = _moved.set(moved)
    try:
        yield
    finally:
        _moved.reset(token)


@contextmanager
def noting_when_sent(sent: threading.Event) -> Iterator[None]:
    """Set an event as soon as the invoke that the block begins has been sent as a whole, or cannot be."""
    token = _sent.set(sent)
    try:
        yield
    finally:
        _sent.reset(token)


def tell_sent() -> None:
    """Say so to the block that is waiting for it."""
    if sent := _sent.get():
        sent.set()


class _Traffic:
    """Counts the bytes of one request and its answer."""

    def __init__(self, moved: Callable[[int], object]) -> None:
        self._moved = moved
        self._count = 0

    def add(self, data: bytes) -> bytes:
        self._count += len(data)
        self._moved(self._count)
        return data


class _CountedRequest(io.BytesIO):
    """The body of a request, which http.client reads and sends block by block."""

    def __init__(self, body: bytes, traffic: _Traffic) -> None:
        super().__init__(body)
        self._traffic = traffic

    def read(self, size: int | None = -1) -> bytes:
        data = self._traffic.add(super().read(size))
        if not data:
            tell_sent()
        return data


class _CountedAnswer:
    """Wraps urllib3's response body."""

    def __init__(self, raw: Any, traffic: _Traffic) -> None:
        self._raw = raw
        self._traffic = traffic

    def stream(self) -> Iterator[bytes]:
        return map(self._traffic.add, self._raw.stream())

    def close(self) -> None:
        self._raw.close()


def count_request(request: Any, **_event: Any) -> None:
    """Handle botocore's event `before-send`."""
    moved = _moved.get() or (_ignore if _sent.get() else None)
    if moved and isinstance(request.body, bytes):
        traffic = _Traffic(moved)
        _traffic.set(traffic)
        request.body = _CountedRequest(request.body, traffic)


def _ignore(_count: int) -> None:
    pass


def count_answer(response_dict: dict[str, Any], **_event: Any) -> None:
    """Handle botocore's event `before-parse`; the body of an error is bytes and is left alone."""
    traffic = _traffic.get()
    if traffic and hasattr(response_dict["body"], "stream"):
        response_dict["body"] = _CountedAnswer(response_dict["body"], traffic)


def trace(session: Any) -> None:
    """Have each request of a botocore session's clients told on standard error, once its answer has begun.

    Never a header's value or a body.
    """
    session.register("request-created", _note_start)
    session.register("response-received", _tell)


def _note_start(request: Any, **_event: Any) -> None:
    request.context[_STARTED] = time.time()


def _tell(
    response_dict: Any, parsed_response: Any, context: Any, exception: Exception | None, event_name: str, **_event: Any
) -> None:
    started, ended = context.get(_STARTED, time.time()), time.time()
    attempt = ATTEMPT.get() + context.get("retries", {}).get("attempt", 1) - 1
    request_id = (parsed_response or {}).get("ResponseMetadata", {}).get("RequestId", "-")
    status = response_dict["status_code"] if response_dict else type(exception).__name__
    moment = f"{time.strftime('%H:%M:%S', time.localtime(started))}.{int(started % 1 * 1000):03}"
    operation = event_name.rpartition(".")[2]
    Output().say(
        f"agentcore-sandbox: {moment} {operation}: {status} after {max(0.0, ended - started):.3f} s, "
        f"attempt {attempt}, request {request_id}"
    )
