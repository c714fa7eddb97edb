"""Turn a request into an operation's call: find the route, gather the members, check them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from agentcore_sandbox.local.service import errors, model, shapes
from agentcore_sandbox.local.service.data_plane import SESSION_HEADER, DataPlane

if TYPE_CHECKING:
    from agentcore_sandbox.local.service.messages import Answer, EventStream, Record, Request

_TRACE = {"traceId": "x-amzn-trace-id", "traceParent": "traceparent"}
_SESSIONS = r"/code-interpreters/(?P<codeInterpreterIdentifier>[^/]+)/sessions"

_TOLD = {"sessionId": "sessionId", "name": "tool"}

Operation = Callable[[dict[str, Any], threading.Event], "Answer | EventStream"]


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
        recorded: Members that go into the record of requests, with their names there.
    """

    name: str
    method: str
    path: str
    shape: shapes.Structure
    run: Operation
    query: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: _TRACE)
    recorded: Mapping[str, str] = field(default_factory=dict)


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
        Route("InvokeCodeInterpreter", "POST", tools, model.INVOKE, plane.invoke, headers=header, recorded=_TOLD),
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


class Service:
    """All operations of the endpoint.

    Args:
        routes: The operations.
        record: Is told of each request before it is performed.
    """

    def __init__(self, routes: Sequence[Route], record: Record) -> None:
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
                told = {name: members[member] for member, name in route.recorded.items()}
                self._record({"event": "request", "requestId": request.request_id, "operation": route.name, **told})
                return route.run(members, request.cancelled)
        raise errors.ServiceError(
            "UnknownOperationException",
            HTTPStatus.NOT_FOUND,
            f"No operation at {request.method} {request.path}",
        )


def _located(route: Route, match: re.Match[str], request: Request) -> dict[str, Any]:
    """Gather the members from the places where the model puts them; the body has the others."""
    elsewhere: dict[str, Any] = {name: unquote(value) for name, value in match.groupdict().items()}
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    elsewhere |= {name: query.get(name) for name in route.query}
    elsewhere |= {name: request.headers.get(header) for name, header in route.headers.items()}
    return {**_json(request.body), **elsewhere}


def _json(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise errors.validation("The request body is not JSON", "CannotParse") from None
    if not isinstance(members, dict):
        raise errors.validation("The request body is not a JSON object", "CannotParse")
    return members
