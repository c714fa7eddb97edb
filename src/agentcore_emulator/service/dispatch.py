"""From a verified request to the operation it asks for: members checked, recorded, performed."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from agentcore_emulator.service import aws_model, errors
from agentcore_emulator.service.client_tokens import ClientTokens
from agentcore_emulator.service.faults import Faults
from agentcore_emulator.service.http_messages import EventStream, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agentcore_emulator.service.aws_model import Operation
    from agentcore_emulator.service.http_messages import Handler, Members, Request, Result
    from agentcore_emulator.service.request_log import Record

_RECORDED = {
    "codeInterpreterIdentifier": "interpreter",
    "codeInterpreterId": "interpreter",
    "sessionId": "sessionId",
    "traceId": "traceId",
    "traceParent": "traceParent",
}
"""Members that the record has, and their names there."""


class Dispatcher:
    """All operations of the endpoint: those of AWS's model, which `handlers` perform by their names, and `more`.

    Requests are recorded before they are performed.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        record: Record,
        faults: Faults | None = None,
        more: Iterable[tuple[Operation, Handler]] = (),
    ) -> None:
        known = aws_model.operations()
        self.operations = [*((known[name], handler) for name, handler in handlers.items()), *more]
        self._record = record
        self._faults = faults or Faults()
        self._tokens: ClientTokens[Result] = ClientTokens()

    def handle(self, request: Request) -> Response | EventStream:
        """Perform a request, or raise ServiceError."""
        operation, handler, members = self._find(request)
        self._record({"event": "request", "requestId": request.request_id, **_recorded(operation, members)})
        perform = functools.partial(self._once, operation, members, functools.partial(handler, members, request))
        result = self._faults.run(operation.name, members, perform)
        return result if isinstance(result, EventStream) else Response(result, operation.status)

    def _once(self, operation: Operation, members: Members, perform: Callable[[], Result]) -> Result:
        token = members.get(operation.token)
        if token is None:
            return perform()
        return self._tokens.once((operation.name, token), operation.parameters(members), perform)

    def _find(self, request: Request) -> tuple[Operation, Handler, Members]:
        for operation, handler in self.operations:
            members = operation.members(request)
            if members is not None:
                return operation, handler, members
        message = f"No operation at {request.method} {request.path}"
        raise errors.ServiceError("UnknownOperationException", HTTPStatus.NOT_FOUND, message)


def _recorded(operation: Operation, members: Members) -> dict[str, Any]:
    tool = {"tool": members["name"]} if operation.name == "InvokeCodeInterpreter" else {}
    known = {name: members[member] for member, name in _RECORDED.items() if member in members}
    return {"operation": operation.name, **known, **tool}
