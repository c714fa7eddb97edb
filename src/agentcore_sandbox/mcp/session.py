"""What one connection uses: a client that stays warm, and a session of its own; both made at first use."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from agentcore_sandbox.errors import AgentcoreSandboxError, SessionGoneError, SessionOverError
from agentcore_sandbox.mcp import maps
from agentcore_sandbox.mcp.server import CancelledCallError
from agentcore_sandbox.settings import resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.mcp.reaper import Reaper
    from agentcore_sandbox.mcp.server import Call
    from agentcore_sandbox.sessions.reference import SessionReference
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.settings import Flags, Settings

T = TypeVar("T")


class OwnSession:
    """The connection's client and session.

    Args:
        flags: Where to run.
        lifetime: Seconds that the session may live; one that has ended is replaced.

    Attributes:
        maps: The journals of maps that were started here.
    """

    def __init__(self, flags: Flags, lifetime: int) -> None:
        self._flags = flags
        self.lifetime = lifetime
        self.maps: list[Path] = []
        self._interpreter: SessionClient | None = None
        self._session_id: str | None = None
        self._reaper: Reaper | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self._starting = threading.Lock()

    @property
    def settings(self) -> Settings:
        """Where to run.

        Raises:
            UsageError: No interpreter is set, or a value cannot be right.
        """
        return resolve(self._flags, os.environ)

    def interpreter(self) -> SessionClient:
        """The client. Nothing is read or asked before the first call.

        Raises:
            AgentcoreSandboxError: No interpreter is set, or it cannot be reached.
        """
        with self._lock:
            if self._interpreter is None:
                from agentcore_sandbox.aws.connect import connect

                self._interpreter = connect(self.settings)
            return self._interpreter

    def forget_interpreter(self) -> None:
        """Make a client anew for the next call: other credentials, or another emulator, may be there by then."""
        with self._lock:
            self._interpreter = None

    def session_id(self) -> str:
        """The id of the connection's session."""
        with self._starting:
            return self._session_id or self._start()

    def renew(self, gone: str, output: Output) -> str:
        """A session instead of one that is gone, unless another call has replaced it already."""
        with self._starting:
            if self._session_id in (gone, None):
                self._release(gone)
                self._start()
            output.say(
                f"session {gone} has ended; its variables and files are lost. {self._session_id} takes its place"
            )
            return str(self._session_id)

    def stop(self, session_id: str | None = None) -> str | None:
        """Stop the connection's session, or only if it is this one; returns its id, None where there is none."""
        with self._starting:
            stopped = self._session_id
            if stopped is None or session_id not in (None, stopped):
                return None
            self._session_id = None
            self._stop(stopped)
        return stopped

    def close(self) -> None:
        """Stop the session for good."""
        self._is_closed = True
        for sentence in maps.going_on(self.maps) if self.maps else ():
            sys.stderr.write(f"agentcore-sandbox: {sentence}\n")
        try:
            self.stop()
        finally:
            if self._reaper:
                self._reaper.close()

    def _start(self) -> str:
        if self._is_closed:
            raise CancelledCallError
        interpreter = self.interpreter()
        if self._reaper is None:
            from agentcore_sandbox.mcp.reaper import Reaper

            self._reaper = Reaper(self._flags._replace(region=interpreter.region))
        self._session_id = interpreter.start(lifetime=self.lifetime)
        self._reaper.watch(self._session_id)
        return self._session_id

    def _stop(self, session_id: str) -> None:
        try:
            self.interpreter().stop(session_id)
        except SessionOverError:
            pass
        except AgentcoreSandboxError as error:
            sys.stderr.write(f"agentcore-sandbox: session {session_id} was not stopped: {error.message}\n")
            return  # the reaper tries again
        self._release(session_id)

    def _release(self, session_id: str) -> None:
        if self._reaper:
            self._reaper.release(session_id)


class CallSession:
    """The session that one call works in: the connection's own, or the one that it names.

    Args:
        own: The connection's.
        word: An id or a name; None for the connection's own.
        call: The call.
        output: Reports that the session is a new one.

    Raises:
        UsageError: That is neither an id nor a name.
    """

    def __init__(self, own: OwnSession, word: str | None, call: Call, output: Output) -> None:
        from agentcore_sandbox.sessions.named import check_id_or_name

        self._own = own
        self._word = None if word is None else check_id_or_name(word)
        self._call = call
        self._output = output
        self._session_id = ""

    def open(self) -> str:
        """The session's id; one is started where there is none."""
        self._session_id = self._own.session_id() if self._word is None else self.named().session_id()
        self._call.check()
        return self._session_id

    def known_id(self) -> str:
        """The session's id; a name that nothing is known by is an error, and nothing is started for it."""
        return self._own.session_id() if self._word is None else self.named().known_id()

    def renew(self, gone: str) -> str:
        """Another session for one that is gone.

        Raises:
            SessionGoneError: It was given by its id.
        """
        self._call.check()
        if self._word is None:
            self._session_id = self._own.renew(gone, self._output)
        elif self.named().is_named:
            self._session_id = self.named().renew(gone)
        else:
            raise SessionGoneError(gone, "it has ended", may_have_run=False)
        return self._session_id

    def end(self) -> None:
        """Stop the session, with whatever runs in it: the service has no other way to end a program."""
        if self._word is None:
            self._own.stop(self._session_id)
            return
        with suppress(AgentcoreSandboxError):  # it has ended, or will with its lifetime
            self._own.interpreter().stop(self._session_id)

    def use(self, work: Callable[[Workspace], T]) -> T:
        """Do what can be repeated with the session's files, in another session if this one is gone."""
        from agentcore_sandbox.sessions.workspace import Workspace

        try:
            return work(Workspace(self._own.interpreter(), self.open()))
        except SessionGoneError as gone:
            return work(Workspace(self._own.interpreter(), self.renew(gone.session_id)))

    def named(self) -> SessionReference:
        """The session that the call names, as the commands know it."""
        from agentcore_sandbox.sessions.reference import SessionReference

        return SessionReference(self._own.interpreter(), str(self._word), self._own.lifetime, self._output)
