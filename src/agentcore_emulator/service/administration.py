"""What `local status` and `local stop` ask of the running service, over the same signed HTTP as everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_emulator.service.model import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentcore_emulator.service.messages import Handler, Members, Request
    from agentcore_emulator.service.sessions import Sessions

_ONLY_IDLE = {"onlyIdle": {"shape": "OnlyIdle", "location": "querystring"}}
STATUS = Operation("Status", "GET", "/local/status")
STOP = Operation(
    "Stop",
    "PUT",
    "/local/stop",
    input={"members": _ONLY_IDLE},
    shapes={"OnlyIdle": {"type": "string", "enum": ["true", "false"]}},
)


class Administration:
    """Says what runs, and ends the service.

    Args:
        sessions: The sessions.
        limits: Those of a session, as `status` tells them.
        end: Makes the service end, soon after the answer.
    """

    def __init__(self, sessions: Sessions, limits: Mapping[str, Any], end: Callable[[], None]) -> None:
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
