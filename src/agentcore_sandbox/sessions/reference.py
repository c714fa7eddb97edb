"""The session that a command works in, by id or name, and what is said when a name gets a new session."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.sessions.names import SessionStore, is_session_id

if TYPE_CHECKING:
    from agentcore_sandbox.aws.session_client import CodeInterpreter
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.sessions.names import Lease


@dataclass(frozen=True)
class Target:
    """A session by id or by name.

    Attributes:
        interpreter: The session's.
        word: Its id, or a name, both checked.
        lifetime: Of a session that is started for the name, in seconds.
        output: Where it is told that the session is a new one.
    """

    interpreter: CodeInterpreter
    word: str
    lifetime: int
    output: Output

    @property
    def is_named(self) -> bool:
        """Whether the word is a name, so that a session that is gone can be replaced."""
        return not is_session_id(self.word)

    def session_id(self) -> str:
        """The session's id; for a name without a session, one is started."""
        if not self.is_named:
            return self.word
        with gate.closed():  # a session that is started must be written down
            return self._tell(self._store().get_or_start(self.word, self.lifetime))

    def known_id(self) -> str:
        """The session's id; nothing is started.

        Raises:
            AgentcoreSandboxError: `UnknownSession`: nothing is known by this name.
        """
        return self._store().session_id(self.word) if self.is_named else self.word

    def renew(self, gone: str) -> str:
        """A session for the name instead of one that is gone."""
        with gate.closed():
            return self._tell(self._store().renew(self.word, gone, self.lifetime))

    def _store(self) -> SessionStore:
        return SessionStore(self.interpreter, os.environ)

    def _tell(self, lease: Lease) -> str:
        if lease.replaces:
            self.output.say(
                f"agentcore-sandbox: session {lease.replaces} of {self.word!r} has ended; "
                f"its variables and files are lost. {lease.session_id} takes its place"
            )
        if lease.was_damaged:
            self.output.say(
                f"agentcore-sandbox: what was known of {self.word!r} is damaged; {lease.session_id} takes the place of "
                "its session, which can still run: see agentcore-sandbox sessions"
            )
        return lease.session_id
