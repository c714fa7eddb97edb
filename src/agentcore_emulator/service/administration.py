"""What `local status` and `local stop` ask of the running service, over the same signed HTTP as everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_emulator.service.messages import Answer, Members, Request
from agentcore_emulator.service.routes import Route
from agentcore_emulator.service.shapes import Structure, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentcore_emulator.service.sessions import Sessions

STATUS = "/local/status"
STOP = "/local/stop"


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

    def routes(self) -> list[Route]:
        """Return the two routes."""
        stop = Structure({"onlyIdle": Text(enum=("true", "false"))})
        return [
            Route("Status", "GET", STATUS, Structure({}), self._status),
            Route("Stop", "PUT", STOP, stop, self._stop, ["onlyIdle"]),
        ]

    def _status(self, _members: Members, _request: Request) -> Answer:
        ready = self._sessions.ready()
        with_network = sum(session.network for session in ready)
        return Answer({"sessions": len(ready), "sessionsWithNetwork": with_network, "limits": self._limits})

    def _stop(self, members: Members, _request: Request) -> Answer:
        """Stop; with `onlyIdle` not while there is a session."""
        stopping = members.get("onlyIdle") != "true" or self._sessions.retire()
        if stopping:
            self._end()
        return Answer({"stopping": stopping})
