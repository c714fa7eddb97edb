"""The operations of the control plane, and those of `local status` and `local stop`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_emulator.service import attachments, errors, interpreters
from agentcore_emulator.service.aws_model import Operation
from agentcore_emulator.service.http_messages import Handler, Members, Request, page, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_emulator.service.interpreters import CodeInterpreter, CodeInterpreters
    from agentcore_emulator.service.sessions import Sessions

_DETAILS = ("description", "executionRoleArn", "tags", attachments.MOUNTS, attachments.CERTIFICATES)
_ONLY_IDLE = {"onlyIdle": {"shape": "OnlyIdle", "location": "querystring"}}
STATUS = Operation("Status", "GET", "/local/status")
STOP = Operation(
    "Stop",
    "PUT",
    "/local/stop",
    input={"members": _ONLY_IDLE},
    shapes={"OnlyIdle": {"type": "string", "enum": ["true", "false"]}},
)


class ControlPlane:
    """Create, get, list and delete interpreters, and their tags."""

    def __init__(self, known: CodeInterpreters, sessions: Sessions) -> None:
        self._interpreters = known
        self._sessions = sessions

    def handlers(self) -> dict[str, Handler]:
        """Return what performs each operation."""
        return {
            "CreateCodeInterpreter": self.create,
            "GetCodeInterpreter": self.get,
            "ListCodeInterpreters": self.list_all,
            "DeleteCodeInterpreter": self.delete,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def create(self, members: Members, request: Request) -> Members:
        """CreateCodeInterpreter."""
        network = members["networkConfiguration"]
        interpreters.refuse_reserved(members.get("tags", {}))
        _check_network(network)
        attachments.check(members, vpc=network["networkMode"] == "VPC")
        details = {name: members[name] for name in _DETAILS if name in members}
        made = self._interpreters.create(members["name"], network, details)
        return _reference(made, request)

    def get(self, members: Members, request: Request) -> Members:
        """GetCodeInterpreter."""
        found = self._interpreters.get(members["codeInterpreterId"])
        details = {name: value for name, value in found.details.items() if name != "tags"}
        configuration = {"networkConfiguration": found.network, "lastUpdatedAt": timestamp(found.updated)}
        return {**_reference(found, request), "name": found.name, **details, **configuration}

    def list_all(self, members: Members, request: Request) -> Members:
        """ListCodeInterpreters: those created, newest first, then the system's (assumed)."""
        kind = members.get("type")
        custom = self._interpreters.newest_first() if kind != "SYSTEM" else []
        system = [interpreters.BUILT_IN] if kind != "CUSTOM" else []
        shown, following = page([*custom, *system], members, _place)
        return {"codeInterpreterSummaries": [_summary(item, request) for item in shown], **following}

    def delete(self, members: Members, _request: Request) -> Members:
        """DeleteCodeInterpreter: sessions have to be stopped before (documented; the error is assumed)."""
        interpreter_id = members["codeInterpreterId"]
        if interpreter_id == interpreters.SYSTEM:
            raise errors.validation(f"{interpreter_id} cannot be deleted")
        if any(session.interpreter == interpreter_id for session in self._sessions.ready()):
            raise errors.conflict(f"Code interpreter {interpreter_id} has active sessions")
        gone = self._interpreters.delete(interpreter_id)
        updated = {"lastUpdatedAt": timestamp(gone.updated)}
        return {"codeInterpreterId": interpreter_id, "status": gone.status, **updated}

    def tag(self, members: Members, _request: Request) -> Members:
        """TagResource: a key that is there gets the new value."""
        interpreters.refuse_reserved(members["tags"])
        self._interpreters.change_tags(members["resourceArn"], lambda tags: {**tags, **members["tags"]})
        return {}

    def untag(self, members: Members, _request: Request) -> Members:
        """UntagResource: keys that are not there are no error (assumed)."""
        gone = members["tagKeys"]
        keep = lambda tags: {key: value for key, value in tags.items() if key not in gone}  # noqa: E731
        self._interpreters.change_tags(members["resourceArn"], keep)
        return {}

    def list_tags(self, members: Members, _request: Request) -> Members:
        """ListTagsForResource."""
        return {"tags": self._interpreters.tags(members["resourceArn"])}


class Administration:
    """Says what runs and within which limits, and stops the emulator: `end` does, soon after the response."""

    def __init__(self, sessions: Sessions, limits: Members, end: Callable[[], None]) -> None:
        self._sessions = sessions
        self._limits = limits
        self._end = end

    def handlers(self) -> list[tuple[Operation, Handler]]:
        """Return the two operations, and what performs them."""
        return [(STATUS, self._status), (STOP, self._stop)]

    def _status(self, _members: Members, _request: Request) -> Members:
        ready = self._sessions.ready()
        with_network = sum(session.network for session in ready)
        return {"sessions": len(ready), "sessionsWithNetwork": with_network, "limits": self._limits}

    def _stop(self, members: Members, _request: Request) -> Members:
        """Stop; with `onlyIdle` not while there is a session."""
        stopping = members.get("onlyIdle") != "true" or self._sessions.retire()
        if stopping:
            self._end()
        return {"stopping": stopping}


def _check_network(network: Members) -> None:
    """The model leaves open that vpcConfig and VPC belong together; that one without the other fails is assumed."""
    if (network["networkMode"] == "VPC") != ("vpcConfig" in network):
        rule = "vpcConfig must be given with networkMode VPC, and only with it"
        raise errors.validation(rule, fieldList=[{"name": "networkConfiguration.vpcConfig", "message": rule}])


def _reference(item: CodeInterpreter, request: Request) -> dict[str, Any]:
    return {
        "codeInterpreterId": item.interpreter_id,
        "codeInterpreterArn": item.arn(request.region),
        "status": item.status,
        "createdAt": timestamp(item.created),
    }


def _summary(item: CodeInterpreter, request: Request) -> dict[str, Any]:
    told = {"description": item.details["description"]} if "description" in item.details else {}
    return {**_reference(item, request), "name": item.name, **told, "lastUpdatedAt": timestamp(item.updated)}


def _place(item: CodeInterpreter) -> int:
    """Microseconds: no two are created at the same time, under one lock."""
    return int(item.created.timestamp() * 1_000_000)
