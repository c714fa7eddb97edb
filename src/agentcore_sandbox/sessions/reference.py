"""The session that a command works in: by its id, or by a name, for which one is started or replaced."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from agentcore_sandbox.aws.attachments import NOTHING, Attachments
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.cli.status_line import STARTING
from agentcore_sandbox.cli.units import duration
from agentcore_sandbox.sessions.named import Found, NamedSessions, is_session_id

if TYPE_CHECKING:
    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.sessions.named import Carry


class SessionReference(NamedTuple):
    """The session that a command works in.

    Attributes:
        interpreter: The session's.
        word: Its id or name, checked.
        lifetime: Of a session that is started for the name, in seconds; None for that of the one before.
        output: Reports that the session is a new one.
        attached: What a session that is started has.
        carry: Moves files out of a session that will end soon.
    """

    interpreter: SessionClient
    word: str
    lifetime: int | None
    output: Output
    attached: Attachments = NOTHING
    carry: Carry | None = None

    @property
    def is_named(self) -> bool:
        """Whether it is given by name, so that a session that is gone can be replaced."""
        return not is_session_id(self.word)

    def session_id(self) -> str:
        """The session's id; for a name without a session, one is started."""
        if not self.is_named:
            return self.word
        with gate.closed():  # a session that is started must be recorded
            with self.output.waiting(STARTING):
                found = self._named().get_or_start(self.word, self.lifetime, self.attached, self.carry)
            return self._announced(found)

    def known_id(self) -> str:
        """The session's id; nothing is started.

        Raises:
            AgentcoreSandboxError: `UnknownSession`: nothing is known by this name.
        """
        if not self.is_named:
            return self.word
        known = self._named().known(self.word)
        return self._announced(Found(known.session_id, known=known))

    def renew(self, gone: str) -> str:
        """A session for the name instead of one that is gone."""
        with gate.closed():
            with self.output.waiting(STARTING):
                found = self._named().renew(self.word, gone, self.lifetime, self.attached)
            return self._announced(found)

    def _named(self) -> NamedSessions:
        return NamedSessions(self.interpreter, os.environ)

    def _announced(self, found: Found) -> str:
        if found.is_new:
            other = self._named().near(self.word)
            question = f"; did you mean {other}? agentcore-sandbox stop {self.word} ends the new one" if other else ""
            self.output.say(f"agentcore-sandbox: started a new session, {self.word!r}{question}")
        if found.replaces and found.carried:
            self.output.say(
                f"agentcore-sandbox: {found.session_id} takes the place of session {found.replaces} of {self.word!r}, "
                "with its files; its variables are lost"
            )
        elif found.replaces:
            late = "; --carry came too late for them" if self.carry else ""
            self.output.say(
                f"agentcore-sandbox: session {found.replaces} of {self.word!r} has ended; "
                f"its variables and files are lost{late}. {found.session_id} takes its place"
            )
        if found.damaged:
            self.output.say(
                f"agentcore-sandbox: the record of {self.word!r} is damaged and kept as {found.damaged}; "
                f"{found.session_id} takes the place of its session, which may still be running: "
                "see agentcore-sandbox sessions"
            )
        if found.known and self.attached not in (NOTHING, found.known.attachments):
            self.output.say(
                f"agentcore-sandbox: session {self.word!r} runs already, without these mounts and certificates; "
                f"for a session that has them: agentcore-sandbox stop {self.word}"
            )
        if found.known and found.known.is_ending:
            self.output.say(
                f"agentcore-sandbox: session {self.word!r} ends in {duration(found.known.seconds_left)}, with its "
                "variables and files: `exec --carry` moves the files into a successor, which --timeout gives more time"
            )
        return found.session_id
