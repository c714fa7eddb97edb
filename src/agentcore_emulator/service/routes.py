"""Turn a request into an operation's call: find the route, gather the members, check them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from agentcore_emulator.service import errors, model, shapes
from agentcore_emulator.service.data_plane import SESSION_HEADER, DataPlane
from agentcore_emulator.service.faults import Faults
from agentcore_emulator.service.messages import Request

if TYPE_CHECKING:
    from agentcore_emulator.service.control_plane import ControlPlane
    from agentcore_emulator.service.messages import Answer, EventStream, Record

_TRACE = {"traceId": "x-amzn-trace-id", "traceParent": "traceparent"}
_SESSIONS = r"/code-interpreters/(?P<codeInterpreterIdentifier>[^/]+)/sessions"

_TOLD = {
    "codeInterpreterIdentifier": "interpreter",
    "codeInterpreterId": "interpreter",
    "sessionId": "sessionId",
    "traceId": "traceId",
    "traceParent": "traceParent",
}

Operation = Callable[[dict[str, Any], Request], "Answer | EventStream"]


@dataclass(frozen=True)
class Route:
    """An operation's name, HTTP binding, input shape and implementation.

    Args:
        name: As in the service model.
        method: HTTP method.
        path: A pattern; its groups are members.
        shape: What the members must be like.
        run: The implementation.
        query: Members in the query string.
        headers: Members in headers, with the header's name.
    """

    name: str
    method: str
    path: str
    shape: shapes.Structure
    run: Operation
    query: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: _TRACE)


def data_plane_routes(plane: DataPlane) -> list[Route]:
    """Return the routes of the data plane, as botocore's model has them."""
    tools = r"/code-interpreters/(?P<codeInterpreterIdentifier>[^/]+)/tools/invoke"
    header = {**_TRACE, "sessionId": SESSION_HEADER}
    session = ["sessionId"]
    return [
        Route(
            "StartCodeInterpreterSession",
            "PUT",
            f"{_SESSIONS}/start",
            model.START_SESSION,
            plane.start_session,
        ),
        Route("InvokeCodeInterpreter", "POST", tools, model.INVOKE, plane.invoke, headers=header),
        Route(
            "StopCodeInterpreterSession",
            "PUT",
            f"{_SESSIONS}/stop",
            model.STOP_SESSION,
            plane.stop_session,
            session,
        ),
        Route(
            "GetCodeInterpreterSession",
            "GET",
            f"{_SESSIONS}/get",
            model.GET_SESSION,
            plane.get_session,
            session,
            {},
        ),
        Route(
            "ListCodeInterpreterSessions",
            "POST",
            f"{_SESSIONS}/list",
            model.LIST_SESSIONS,
            plane.list_sessions,
        ),
    ]


def control_plane_routes(plane: ControlPlane) -> list[Route]:
    """Return the routes of the control plane, as botocore's model has them."""
    every = "/code-interpreters"
    one = rf"{every}/(?P<codeInterpreterId>[^/]+)"
    page = ["maxResults", "nextToken", "type"]
    return [
        Route("CreateCodeInterpreter", "PUT", every, model.CREATE, plane.create, headers={}),
        Route("GetCodeInterpreter", "GET", one, model.GET, plane.get, headers={}),
        Route("ListCodeInterpreters", "POST", every, model.LIST, plane.list_all, page, {}),
        Route("DeleteCodeInterpreter", "DELETE", one, model.DELETE, plane.delete, ["clientToken"], {}),
    ]


class Service:
    """All operations of the endpoint.

    Args:
        routes: The operations.
        record: Is told of each request before it is performed.
        faults: What shall go wrong.
    """

    def __init__(self, routes: Sequence[Route], record: Record, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._routes = routes
        self._record = record

    def handle(self, request: Request) -> Answer | EventStream:
        """Perform a request.

        Raises:
            ServiceError: It fails.
        """
        for route in self._routes:
            match = re.fullmatch(route.path, request.path)
            if match and route.method == request.method:
                members = shapes.check(route.shape, _located(route, match, request))
                self._record({"event": "request", "requestId": request.request_id, **_told(route, members)})
                return self._faults.run(route.name, members, functools.partial(route.run, members, request))
        raise errors.ServiceError(
            "UnknownOperationException",
            HTTPStatus.NOT_FOUND,
            f"No operation at {request.method} {request.path}",
        )


def _told(route: Route, members: Mapping[str, Any]) -> dict[str, Any]:
    """What the record says of a request."""
    tool = {"tool": members["name"]} if route.shape is model.INVOKE else {}
    return {
        "operation": route.name,
        **{name: members[member] for member, name in _TOLD.items() if member in members},
        **tool,
    }


def _located(route: Route, match: re.Match[str], request: Request) -> dict[str, Any]:
    """Gather the members from the places where the model puts them; the body has the others."""
    elsewhere: dict[str, Any] = {name: unquote(value) for name, value in match.groupdict().items()}
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    elsewhere |= {name: _queried(route.shape.members[name], query.get(name)) for name in route.query}
    elsewhere |= {name: request.headers.get(header) for name, header in route.headers.items()}
    return {**_json(request.body), **elsewhere}


def _queried(shape: shapes.Shape, text: str | None) -> Any:
    """A query string has texts only; what is no number stays one, so that the check refuses it."""
    is_number = isinstance(shape, shapes.Integer) and text is not None and re.fullmatch("-?[0-9]{1,9}", text)
    return int(text) if is_number and text else text


def _json(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise errors.validation("The request body is not JSON", "CannotParse") from None
    if not isinstance(members, dict):
        raise errors.validation("The request body is not a JSON object", "CannotParse")
    return members
