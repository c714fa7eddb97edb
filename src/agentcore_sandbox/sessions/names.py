"""Named sessions: which session a name stands for, kept on disk for all processes of this user.

A name belongs to an account (or key), a region, an interpreter and an endpoint. Nothing of these but a hash is stored.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError
from agentcore_sandbox.sessions.state import StateFolder, root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentcore_sandbox.aws.session_client import CodeInterpreter

_ID = re.compile(r"(?=[A-Za-z]*[0-9])[0-9A-Za-z]{20,40}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def is_session_id(word: str) -> bool:
    """Whether a word is a session's id and not a name: the service's ids are ULIDs (facts, "Wire API").

    Any 20 to 40 letters and digits with a digit among them count, in case AWS changes that.
    """
    return _ID.fullmatch(word) is not None


def check_target(word: str) -> str:
    """Check a word that is a session's id or name.

    Raises:
        UsageError: It can be neither.
    """
    if not is_session_id(word):
        check_name(word)
    return word


def check_name(name: str) -> str:
    """Check a session's name.

    Raises:
        UsageError: It cannot be one.
    """
    if is_session_id(name) or not _NAME.fullmatch(name):
        hint = (
            "a name has up to 64 letters, digits, '_', '.' and '-', begins with a letter and does not look like an id"
        )
        raise UsageError(f"not a session's id or name: {name!r}", hint)
    return name


@dataclass(frozen=True)
class NamedSession:
    """What a name stands for.

    Attributes:
        name: The name.
        session_id: The session.
        started: Seconds since the epoch.
        lifetime: In seconds.
    """

    name: str
    session_id: str
    started: float
    lifetime: int

    @property
    def has_expired(self) -> bool:
        """Whether its lifetime is over by this machine's clock; the service may know better."""
        return time.time() >= self.started + self.lifetime


@dataclass(frozen=True)
class Lease:
    """A session for a name.

    Attributes:
        session_id: The session.
        replaces: The session that the name stood for before and that has ended, or None.
        was_damaged: What was written down of the name said nothing.
    """

    session_id: str
    replaces: str | None = None
    was_damaged: bool = False


class SessionStore:
    """The named sessions of one interpreter.

    Args:
        interpreter: Theirs.
        environ: Says where the state folder is.

    Raises:
        AgentcoreSandboxError: `NoStateFolder`.
    """

    def __init__(self, interpreter: CodeInterpreter, environ: Mapping[str, str]) -> None:
        self._interpreter = interpreter
        self._folder = StateFolder(root(environ) / "sessions" / _digest(json.dumps(interpreter.scope)))

    def get_or_start(self, name: str, lifetime: int) -> Lease:
        """The session of a name, started where there is none or its lifetime is over.

        However many processes ask at once, one session is started.

        Args:
            name: A checked name.
            lifetime: Of a session that is started, in seconds.
        """
        with self._folder.locked(_digest(name)):
            known = self.find(name)
            if known and not known.has_expired:
                return Lease(known.session_id)
            return self._start(name, lifetime, known)

    def renew(self, name: str, gone: str, lifetime: int) -> Lease:
        """A session instead of one that was found gone, unless another process has renewed it already.

        Args:
            name: A checked name.
            gone: Id of the session that is gone.
            lifetime: Of a session that is started, in seconds.
        """
        with self._folder.locked(_digest(name)):
            known = self.find(name)
            if known and known.session_id != gone:
                return Lease(known.session_id, replaces=gone)
            return replace(self._start(name, lifetime, known), replaces=gone)  # `stop NAME` may have forgotten it

    def start(self, name: str, lifetime: int) -> Lease:
        """Start a session for a name that is free, or whose session has ended.

        Raises:
            AgentcoreSandboxError: `NameTaken`.
        """
        with self._folder.locked(_digest(name)):
            known = self.find(name)
            if known and self._interpreter.is_ready(known.session_id):
                hint = f"use it: agentcore-sandbox exec {name} CODE; or end it: agentcore-sandbox stop {name}"
                raise AgentcoreSandboxError("NameTaken", f"session {name!r} runs ({known.session_id})", hint)
            return self._start(name, lifetime, known)

    def session_id(self, word: str) -> str:
        """The session's id, of an id or of a known name.

        Raises:
            AgentcoreSandboxError: `UnknownSession`: nothing is known by this name.
        """
        if is_session_id(word):
            return word
        known = self.find(word)
        if known is None:
            hint = (
                "list them: agentcore-sandbox sessions; names belong to one account, region, interpreter and endpoint"
            )
            raise AgentcoreSandboxError("UnknownSession", f"there is no session with the name {word!r}", hint)
        return known.session_id

    def find(self, name: str) -> NamedSession | None:
        """What a name stands for, None where it is not known."""
        record = self._folder.read(_digest(name))
        try:
            return NamedSession(**record) if record else None
        except TypeError:
            return None

    def forget(self, session_id: str) -> None:
        """Let go of the names of a session that has ended."""
        for named in list(self.all()):
            if named.session_id == session_id:
                self._folder.remove(_digest(named.name))

    def all(self) -> Iterator[NamedSession]:
        """All named sessions of the interpreter, also those that have ended."""
        for key in self._folder.keys():  # noqa: SIM118 - a method of ours, not a dictionary's
            record = self._folder.read(key)
            if record and set(record) == set(NamedSession.__dataclass_fields__):
                yield NamedSession(**record)

    def _start(self, name: str, lifetime: int, known: NamedSession | None) -> Lease:
        key = _digest(name)
        was_damaged = self._folder.is_damaged(key)
        session_id = self._interpreter.start(name=name, lifetime=lifetime)
        try:
            self._folder.write(key, asdict(NamedSession(name, session_id, time.time(), lifetime)))
        except AgentcoreSandboxError:
            with suppress(AgentcoreSandboxError):  # nobody would know its id
                self._interpreter.stop(session_id)
            raise
        return Lease(session_id, known.session_id if known else None, was_damaged)


def _digest(text: str) -> str:
    # Of hexadecimal digits: a file system may not tell upper case from lower case.
    return hashlib.sha256(text.encode()).hexdigest()[:32]
