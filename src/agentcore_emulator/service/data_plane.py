"""The five operations of the data plane, on validated members."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentcore_emulator.agent_client import SandboxGoneError
from agentcore_emulator.attached import Roots
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.limits import Quotas
from agentcore_emulator.service import attachments, errors, event_stream, interpreters
from agentcore_emulator.service.http_messages import EventStream, Handler, Members, Request, page, timestamp

if TYPE_CHECKING:
    from agentcore_emulator.service.sessions import Session, Sessions
    from agentcore_emulator.service.timers import Timers

DEFAULT_LIFETIME = 900
"""Seconds; documented."""
SESSION_HEADER = "x-amzn-code-interpreter-session-id"

InvokeTool = Callable[[Any, str, Mapping[str, Any], threading.Event], dict[str, Any]]
_REMEDIES = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some disk space",
    errno.ENAMETOOLONG: "set AGENTCORE_SANDBOX_RUNTIME_DIR to a shorter path",
}
_log = logging.getLogger(__name__)


class DataPlane:
    """Start, invoke, stop, get and list sessions.

    `invoke_tool` runs one tool and returns the payload of the `result` event; it has `max_invoke` seconds for it.
    What stands for file systems and secrets is below `roots`.
    """

    def __init__(
        self,
        known: interpreters.CodeInterpreters,
        sessions: Sessions,
        invoke_tool: InvokeTool,
        timers: Timers,
        max_invoke: float = Quotas.invoke_seconds,
        *,
        roots: Roots | None = None,
    ) -> None:
        self._interpreters = known
        self._sessions = sessions
        self._invoke_tool = invoke_tool
        self._timers = timers
        self._max_invoke = max_invoke
        self._roots = roots or Roots()

    def handlers(self) -> dict[str, Handler]:
        """Return what performs each operation."""
        return {
            "StartCodeInterpreterSession": self.start_session,
            "InvokeCodeInterpreter": self.invoke,
            "StopCodeInterpreterSession": self.stop_session,
            "GetCodeInterpreterSession": self.get_session,
            "ListCodeInterpreterSessions": self.list_sessions,
        }

    def start_session(self, members: Members, _request: Request) -> Members:
        """StartCodeInterpreterSession."""
        lifetime = members.get("sessionTimeoutSeconds", DEFAULT_LIFETIME)
        interpreter = self._interpreter(members)
        if interpreter.status != "READY":  # the error is assumed
            raise errors.conflict(f"Code interpreter {interpreter.interpreter_id} is {interpreter.status}")
        attached = attachments.joined(interpreter.details, members)
        attachments.check(attached, vpc=interpreter.has_mounts)
        found = attachments.resolve(attached, self._roots)
        try:
            session = self._sessions.start(
                interpreter.interpreter_id, members.get("name"), lifetime, network=interpreter.is_public, attached=found
            )
        except EmulatorError as error:
            _log.error("no sandbox: %s", error.message)
            raise errors.internal(f"{error.message}; {error.hint}") from error
        except OSError as error:  # not to be taken for a lost connection
            _log.error("no sandbox: %s", error)
            remedy = _REMEDIES.get(error.errno or 0, "the emulator's log says more")
            raise errors.internal(f"the sandbox could not be created: {error.strerror}; {remedy}") from error
        session.attached = attached
        return {**_reference(members, session), "createdAt": timestamp(session.created)}

    def invoke(self, members: Members, request: Request) -> EventStream:
        """InvokeCodeInterpreter: one `result` event, when the tool has ended."""
        session = self._find(members)
        if session.status != "READY":
            raise _not_active(session)
        return EventStream({SESSION_HEADER: session.session_id}, self._messages(session, members, request.cancelled))

    def stop_session(self, members: Members, _request: Request) -> Members:
        """StopCodeInterpreterSession."""
        session = self._find(members)
        if not self._sessions.terminate(session):
            raise errors.conflict(f"Session already terminated: {session.session_id}")
        return {**_reference(members, session), "lastUpdatedAt": timestamp(session.updated)}

    def get_session(self, members: Members, _request: Request) -> Members:
        """GetCodeInterpreterSession."""
        session = self._find(members)
        name = {"name": session.name} if session.name else {}
        return {
            **_reference(members, session),
            **name,
            "createdAt": timestamp(session.created),
            "sessionTimeoutSeconds": session.timeout,
            "status": session.status,
            **session.attached,
        }

    def list_sessions(self, members: Members, _request: Request) -> Members:
        """ListCodeInterpreterSessions, newest first (assumed)."""
        listed = self._sessions.newest_first(self._interpreter(members).interpreter_id)
        matching = [session for session in listed if members.get("status") in (None, session.status)]
        shown, following = page(matching, members, lambda session: session.number)
        return {"items": [_summary(members, session) for session in shown], **following}

    def _find(self, members: Members) -> Session:
        return self._sessions.find(self._interpreter(members).interpreter_id, members["sessionId"])

    def _interpreter(self, members: Members) -> interpreters.CodeInterpreter:
        return self._interpreters.for_sessions(members["codeInterpreterIdentifier"])

    def _messages(self, session: Session, members: Members, cancelled: threading.Event) -> Iterator[bytes]:
        try:
            yield event_stream.result(self._run(session, members, cancelled))
        except errors.ServiceError as error:
            yield event_stream.exception(error)
        except event_stream.PayloadTooLargeError as error:
            yield event_stream.exception(_too_large(members["name"], error.size))
        except Exception:  # noqa: BLE001 - a bug too ends as a well-formed stream
            _log.exception("%s failed", members["name"])
            yield event_stream.exception(errors.internal("The local emulator failed; see its log"))

    def _run(self, session: Session, members: Members, cancelled: threading.Event) -> dict[str, Any]:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            cancelled.set()

        with self._timers.limit(self._max_invoke, give_up):
            try:
                payload = self._invoke_tool(session.sandbox, members["name"], members.get("arguments", {}), cancelled)
            except SandboxGoneError:
                self._sessions.terminate(session)
                raise _not_active(session) from None
            except EmulatorError as error:
                raise errors.internal(error.message) from error
        if late.is_set():
            raise errors.quota_exceeded(f"{members['name']} took longer than {self._max_invoke} seconds")
        return payload


def _reference(members: Members, session: Session) -> dict[str, Any]:
    """The two members that every answer about a session has; an ARN is answered with its id (assumed)."""
    identifier = interpreters.identifier(members["codeInterpreterIdentifier"])
    return {"codeInterpreterIdentifier": identifier, "sessionId": session.session_id}


def _summary(members: Members, session: Session) -> dict[str, Any]:
    name = {"name": session.name} if session.name else {}
    times = {"createdAt": timestamp(session.created), "lastUpdatedAt": timestamp(session.updated)}
    return {**_reference(members, session), **name, "status": session.status, **times}


def _not_active(session: Session) -> errors.ServiceError:
    return errors.validation(f"Code interpreter session {session.session_id} is not active", "ResourceConflict")


def _too_large(tool: str, size: int) -> errors.ServiceError:
    return errors.quota_exceeded(
        f"The result of {tool} has {size} bytes; an event can carry {event_stream.MAX_PAYLOAD}. "
        "Write large output to a file, and read a large file in parts"
    )
