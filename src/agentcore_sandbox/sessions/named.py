"""Sessions by id or name.

Which session a name stands for is kept on disk for all processes of this user. A name belongs to an account (or key), a
region, an interpreter and an endpoint, of which only a hash is stored.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from agentcore_sandbox.api import DEFAULT_LIFETIME, MAX_LIFETIME
from agentcore_sandbox.aws.attachments import NOTHING, Attachments
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionOverError, UnreadableRecordError, UsageError
from agentcore_sandbox.near import near, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agentcore_sandbox.aws.session_client import SessionClient

_ID = re.compile(r"(?=[A-Za-z]*[0-9])[0-9A-Za-z]{20,40}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def is_session_id(word: str) -> bool:
    """Whether a word is a session's id and not a name.

    The service's ids are ULIDs (docs/service.md, "Wire API"). Any 20 to 40 letters and digits with a digit among them
    count, in case AWS changes that.
    """
    return _ID.fullmatch(word) is not None


def split_session_path(word: str) -> tuple[str | None, str]:
    """Split SESSION:PATH; a word without a colon before its first slash is a path here, with None for the session."""
    session, colon, path = word.partition(":")
    is_drive = os.name == "nt" and len(session) == 1
    if not colon or not session or "/" in session or is_drive:
        return None, word
    return session, path


def check_id_or_name(word: str) -> str:
    """Return a word that may be a session's id or name; raises what `check_name` raises."""
    return word if is_session_id(word) else check_name(word)


def check_name(name: str) -> str:
    """Return a word that may be a session's name.

    Raises:
        UsageError: It may not.
    """
    if is_session_id(name) or not _NAME.fullmatch(name):
        hint = (
            "a name has up to 64 letters, digits, '_', '.' and '-', begins with a letter and does not look like an id"
        )
        raise UsageError(f"not a session's id or name: {name!r}", hint)
    return name


class NamedSession(NamedTuple):
    """The record of a name; `started` is in seconds since the epoch, `lifetime` in seconds.

    What is `attached` is kept as text, and a session that takes the place of this one gets it.
    """

    name: str
    session_id: str
    started: float
    lifetime: int
    attached: str = ""

    def checked(self) -> NamedSession:
        """The same; raises ValueError where it can be none."""
        if not is_session_id(self.session_id) or not _NAME.fullmatch(self.name):
            raise ValueError(self)
        Attachments.of_text(self.attached)
        return self

    @property
    def attachments(self) -> Attachments:
        """File systems and certificates of its session."""
        return Attachments.of_text(self.attached)

    @property
    def has_expired(self) -> bool:
        """Whether its lifetime is over by this machine's clock; the service may know better."""
        return self.seconds_left <= 0

    @property
    def seconds_left(self) -> float:
        """Of its lifetime, by this machine's clock."""
        return self.started + self.lifetime - time.time()

    @property
    def is_ending(self) -> bool:
        """Whether some of its lifetime is left, and less than a tenth."""
        return 0 < self.seconds_left < self.lifetime / 10


class Found(NamedTuple):
    """The session that a name stands for now.

    Attributes:
        session_id: Its id.
        is_new: Nobody knew the name: the session was started for it.
        replaces: The session that the name stood for before, and that has ended.
        carried: The files of that session are in this one.
        damaged: Where the record of the name is kept that could not be read.
        known: The record, of a session that was there before.
    """

    session_id: str
    is_new: bool = False
    replaces: str | None = None
    carried: bool = False
    damaged: Path | None = None
    known: NamedSession | None = None


class Carry(NamedTuple):
    """How the files of a session that will end soon get into the one that takes its place.

    Attributes:
        copy: Copies the work folder between two sessions, given by their ids.
        seconds: How long the session is needed.
    """

    copy: Callable[[SessionClient, str, str], None]
    seconds: float

    def is_due(self, known: NamedSession) -> bool:
        """Whether a session has less than a third of its lifetime left, or less than is needed."""
        return known.seconds_left < max(known.lifetime / 3, self.seconds)


class NamedSessions:
    """The named sessions of one interpreter.

    Args:
        interpreter: The interpreter.
        environ: Says where the state folder is.

    Raises:
        AgentcoreSandboxError: `NoStateFolder`.
    """

    def __init__(self, interpreter: SessionClient, environ: Mapping[str, str]) -> None:
        from agentcore_sandbox.state.records import StateFolder
        from agentcore_sandbox.state.root import root

        self._interpreter = interpreter
        self._folder = StateFolder(root(environ) / "sessions" / _digest(json.dumps(interpreter.scope)))

    def get_or_start(
        self, name: str, lifetime: int | None, attached: Attachments = NOTHING, carry: Carry | None = None
    ) -> Found:
        """The session of a name, started where there is none or its lifetime is over, or with `carry` soon will be.

        One that takes another's place has its lifetime (in seconds) and attachments where none are given. However many
        processes ask at once, only one session is started.
        """
        with self._folder.locked(_digest(name)):
            known = self._known(name)
            if known and not known.has_expired:
                if carry is None or not carry.is_due(known):
                    return Found(known.session_id, known=known)
                with suppress(SessionOverError):  # it has ended by now: its files are gone
                    return self._carry(name, lifetime, known, attached, carry)
            return self._start(name, lifetime, known, attached)

    def _carry(
        self, name: str, lifetime: int | None, known: NamedSession, attached: Attachments, carry: Carry
    ) -> Found:
        """Replace a session that runs by one with its files; when that fails, the name stands for it as before."""
        needed = min(MAX_LIFETIME, 2 * math.ceil(carry.seconds))  # so that the next call is not due to carry at once
        lifetime = lifetime or max(known.lifetime, needed)
        fill = functools.partial(carry.copy, self._interpreter, known.session_id)
        found = self._start(name, lifetime, known, attached, fill)
        with suppress(AgentcoreSandboxError):  # it ends by itself
            self._interpreter.stop(known.session_id)
        return found._replace(carried=True)

    def renew(self, name: str, gone: str, lifetime: int | None, attached: Attachments = NOTHING) -> Found:
        """A session instead of one that was found `gone`, unless another process has replaced that already."""
        with self._folder.locked(_digest(name)):
            known = self._known(name)
            if known and known.session_id != gone:
                return Found(known.session_id, replaces=gone)
            found = self._start(name, lifetime, known, attached)
            return found._replace(is_new=False, replaces=gone)  # also if `stop NAME` has forgotten it

    def start(self, name: str, lifetime: int, attached: Attachments = NOTHING) -> Found:
        """Start a session for a name that is free, or whose session has ended.

        Raises:
            AgentcoreSandboxError: `NameTaken`.
        """
        with self._folder.locked(_digest(name)):
            known = self._known(name)
            if known and self._interpreter.is_ready(known.session_id):
                hint = f"use it: agentcore-sandbox exec {name} CODE; or end it: agentcore-sandbox stop {name}"
                raise AgentcoreSandboxError("NameTaken", f"session {name!r} is running ({known.session_id})", hint)
            return self._start(name, lifetime, known, attached)

    def session_id(self, word: str) -> str:
        """The session's id, of an id or of a known name.

        Raises:
            AgentcoreSandboxError: `UnknownSession`: nothing is known by this name.
        """
        return word if is_session_id(word) else self.known(word).session_id

    def known(self, name: str) -> NamedSession:
        """What a name stands for; raises what `session_id` raises."""
        known = self.find(name)
        if known is None:
            where = "names belong to one account, region, interpreter and endpoint"
            hint = f"{suggestion(name, self._running())}list them: agentcore-sandbox sessions; {where}"
            raise AgentcoreSandboxError("UnknownSession", f"there is no session with the name {name!r}", hint)
        return known

    def near(self, name: str) -> str:
        """Another name, of a session that may be running, that this one is near to; empty for none."""
        return near(name, self._running() - {name})

    def _running(self) -> set[str]:
        return {named.name for named in self.all()[0] if not named.has_expired}

    def find(self, name: str) -> NamedSession | None:
        """What a name stands for, None where it is not known.

        Raises:
            UnreadableRecordError: Its record cannot be read.
        """
        return self._folder.read(_digest(name), NamedSession)

    def free(self, name: str) -> None:
        """Free a name whose record cannot be read; the record is kept beside."""
        with self._folder.locked(_digest(name)):
            self._folder.set_aside(_digest(name))

    def forget(self, session_id: str) -> None:
        """Forget the names of a session that has ended, unless they stand for another one by now."""
        for named in self.all()[0]:
            if named.session_id == session_id:
                with self._folder.locked(_digest(named.name)):
                    if self.find(named.name) == named:
                        self._folder.remove(_digest(named.name))

    def all(self) -> tuple[list[NamedSession], list[UnreadableRecordError]]:
        """All named sessions, also those that have ended, and what is wrong with records that cannot be read."""
        return self._folder.read_all(NamedSession)

    def _known(self, name: str) -> NamedSession | None:
        """What a name stands for; a damaged record says nothing, one of a newer version has a session to keep."""
        try:
            return self.find(name)
        except UnreadableRecordError as error:
            if not error.is_newer:
                return None
            hint = f"use that version, or another name; agentcore-sandbox stop {name} frees the name"
            raise AgentcoreSandboxError(error.code, error.message, hint) from None

    def _start(
        self,
        name: str,
        lifetime: int | None,
        known: NamedSession | None,
        attached: Attachments,
        fill: Callable[[str], None] | None = None,
    ) -> Found:
        """Start a session and record it, once `fill` has put files into it; the one before stays known until then."""
        key = _digest(name)
        if known and attached == NOTHING:
            attached = known.attachments
        lifetime = lifetime or (known.lifetime if known else DEFAULT_LIFETIME)
        session_id = self._interpreter.start(name=name, lifetime=lifetime, stays=True, attached=attached)
        started = time.time()
        try:
            if fill:
                with gate.opened():
                    fill(session_id)
            damaged = None if known else self._folder.set_aside(key)
            named = NamedSession(name, session_id, started, lifetime, attached.as_text())
            self._folder.write(key, named.checked())
        except BaseException:
            with suppress(AgentcoreSandboxError):  # nobody would ever learn its id
                self._interpreter.stop(session_id)
            raise
        return Found(session_id, not known and not damaged, known.session_id if known else None, damaged=damaged)


def known_names(environ: Mapping[str, str]) -> list[str]:
    """The names, of whichever interpreter, whose sessions may be running."""
    from agentcore_sandbox.state.records import StateFolder
    from agentcore_sandbox.state.root import root

    folder = root(environ) / "sessions"
    scopes = [StateFolder(path) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(
        {named.name for scope in scopes for named in scope.read_all(NamedSession)[0] if not named.has_expired}
    )


def stop(interpreter: SessionClient, word: str, environ: Mapping[str, str]) -> str:
    """Stop a session by id or name, and return its id. Its name is free again, also where it was gone already.

    Raises:
        AgentcoreSandboxError: `SessionGone`, `UnknownSession`, or `UnreadableRecord`.
    """
    return stop_id(interpreter, word if is_session_id(word) else _recorded_id(interpreter, word, environ), environ)


def stop_id(interpreter: SessionClient, session_id: str, environ: Mapping[str, str]) -> str:
    """The same by an id, whatever its form: the service lists it."""
    try:
        interpreter.stop(session_id)
    except SessionOverError:
        forget(interpreter, session_id, environ)
        raise
    forget(interpreter, session_id, environ)
    return session_id


def _recorded_id(interpreter: SessionClient, name: str, environ: Mapping[str, str]) -> str:
    names = NamedSessions(interpreter, environ)
    try:
        return names.session_id(name)
    except UnreadableRecordError as error:
        names.free(name)
        hint = "the name is free again; its session may still be running: agentcore-sandbox sessions"
        raise AgentcoreSandboxError(error.code, error.message, hint) from None


def forget(interpreter: SessionClient, session_id: str, environ: Mapping[str, str]) -> None:
    """Free the names of a session that has ended, where there are names."""
    try:
        NamedSessions(interpreter, environ).forget(session_id)
    except AgentcoreSandboxError as error:
        if error.code != "NoStateFolder":  # no folder, so no names
            raise


def _digest(text: str) -> str:
    # Of hexadecimal digits: a file system may not tell upper case from lower case.
    return hashlib.sha256(text.encode()).hexdigest()[:32]
