"""JSON-RPC 2.0 messages as MCP restricts them: one object a line, ids are texts or whole numbers, no batches. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

    Id = str | int

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
BUSY = -32000
"""Of this server: more calls at once than it takes."""
UNSUPPORTED_REVISION = -32022
"""The specification's `UnsupportedProtocolVersionError`."""


class RpcError(Exception):
    """A request cannot be answered with a result.

    Args:
        code: One of the above.
        message: What is wrong, one sentence.
        data: More about it, for programs.
        request_id: Of the request, where that can be read.
    """

    def __init__(self, code: int, message: str, data: Any = None, *, request_id: Id | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.request_id = request_id


@dataclass(frozen=True)
class Request:
    """A request, or without an id a notification."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    request_id: Id | None = None


@dataclass(frozen=True)
class Response:
    """The other side's answer to a request of ours; an error is an answer without a result."""

    request_id: Id
    result: Mapping[str, Any] | None


def read(line: bytes) -> Request | Response:
    """Read a message.

    Raises:
        RpcError: It is none.
    """
    message = _parse(line)
    if not isinstance(message, dict):
        kind = "a batch" if isinstance(message, list) else "no object"
        raise RpcError(INVALID_REQUEST, f"the message is {kind}: send one JSON-RPC object a line")
    request_id = message.get("id")
    if not is_id(request_id):
        request_id = None
    if message.get("jsonrpc") != "2.0" or ("id" in message and request_id is None):
        raise RpcError(INVALID_REQUEST, 'a message has "jsonrpc": "2.0", and its id is a text or a whole number')
    if "method" not in message and request_id is not None and {"result", "error"} & message.keys():
        result = message.get("result")
        return Response(request_id, result if isinstance(result, dict) else None)
    return _request(message, request_id)


def _request(message: Mapping[str, Any], request_id: Id | None) -> Request:
    method, params = message.get("method"), message.get("params", {})
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "a request names its method, a text", request_id=request_id)
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params is an object", request_id=request_id)
    return Request(method, params, request_id)


def is_id(value: object) -> bool:
    """Whether a value can be an id, or a progress token, which is of the same kind."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):  # of them UnicodeDecodeError, and a number with too many digits
        raise RpcError(PARSE_ERROR, "the line is not JSON in UTF-8") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python reads and JSON does not know


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as a line. Lone surrogates of the sandbox's output stay JSON's escapes."""
    return json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"


def error(failure: RpcError, request_id: Id | None) -> dict[str, Any]:
    """The answer to a request that failed; without an id where it could not be read."""
    described = {"code": failure.code, "message": str(failure)}
    return {
        **({} if request_id is None else {"id": request_id}),
        "error": described if failure.data is None else {**described, "data": failure.data},
    }
