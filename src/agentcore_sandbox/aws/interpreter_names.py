"""Interpreters by name: AWS is asked once which id a name has, and that is kept in the state folder."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.api import READY
from agentcore_sandbox.aws import credentials
from agentcore_sandbox.aws.errors import translated
from agentcore_sandbox.aws.interpreter_client import InterpreterClient
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.settings import near_interpreter
from agentcore_sandbox.state.records import StateFolder
from agentcore_sandbox.state.root import root

if TYPE_CHECKING:
    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreters import Interpreter

LIST = "agentcore-sandbox interpreter list"


@dataclass(frozen=True)
class NamedInterpreter:
    """The record of a name."""

    name: str
    interpreter_id: str


def resolved(connection: Connection, *, anew: bool) -> Connection:
    """A connection whose settings have the interpreter's id instead of its name.

    Args:
        connection: Whose settings have a name.
        anew: Ask, also where an id is remembered.

    Raises:
        AgentcoreSandboxError: `UnknownInterpreter`, `AmbiguousInterpreter`, or AWS cannot be asked.
    """
    name = connection.settings.interpreter_id
    known = None if anew else _remembered(connection, name)
    interpreter_id = known or _ask(connection, name)
    if not known:
        remember(connection, name, interpreter_id)
    settings = connection.settings._replace(interpreter_id=interpreter_id)
    return connection._replace(settings=settings, name=name)


def remember(connection: Connection, name: str, interpreter_id: str) -> None:
    """Keep which id a name has; where nothing can be kept, AWS is asked again."""
    with suppress(AgentcoreSandboxError):
        _folder().write(_key(connection, name), NamedInterpreter(name, interpreter_id))


def forget(connection: Connection, name: str) -> None:
    """The id of a name is no longer that of an interpreter."""
    with suppress(AgentcoreSandboxError):
        _folder().remove(_key(connection, name))


def _remembered(connection: Connection, name: str) -> str | None:
    with suppress(AgentcoreSandboxError):
        known = _folder().read(_key(connection, name), NamedInterpreter)
        return known.interpreter_id if known else None
    return None


def _ask(connection: Connection, name: str) -> str:
    try:
        with translated(connection.settings):
            found = list(InterpreterClient(connection).all("CUSTOM"))
    except AgentcoreSandboxError as error:
        advice = "give its id, which need not be looked up; " if error.code == "AccessDenied" else ""
        hint = f"{near_interpreter(name) or advice}{error.hint}"
        raise AgentcoreSandboxError(error.code, f"the id of {name!r} is not known: {error.message}", hint) from None
    return _only(name, found, connection.region).interpreter_id


def _only(name: str, known: list[Interpreter], region: str) -> Interpreter:
    """The one that is meant: of several, the only one that is READY."""
    found = [one for one in known if one.name == name]
    ready = [one for one in found if one.status == READY] if len(found) > 1 else found
    if len(ready) == 1:
        return ready[0]
    if not found:
        advice = near_interpreter(name, (one.name for one in known))
        hint = f"{advice}list them with: {LIST}; 'local' runs without AWS"
        raise AgentcoreSandboxError("UnknownInterpreter", f"there is no interpreter {name!r} in {region}", hint)
    ids = ", ".join(f"{one.interpreter_id} ({one.status})" for one in found)
    message = f"{len(found)} interpreters have the name {name!r}: {ids}"
    raise AgentcoreSandboxError("AmbiguousInterpreter", message, "give the id of one")


def _folder() -> StateFolder:
    return StateFolder(root(os.environ) / "interpreters")


def _key(connection: Connection, name: str) -> str:
    """What a name is unique in: the account, or the key of one that is not named, the region and the endpoint."""
    with translated(connection.settings):
        _, _, keys = credentials.resolve(connection.session)
        place = (keys.account_id or keys.access_key, connection.region, connection.endpoint_url, name)
    return hashlib.sha256(json.dumps(place).encode()).hexdigest()[:32]
