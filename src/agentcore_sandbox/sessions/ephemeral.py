"""A session that a command starts by itself, and stops when things go wrong."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError, SessionOverError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.cli.output import Output

NAME = "agentcore-sandbox"
"""What such a session is called; the service does not ask for unique names."""


@contextmanager
def started(
    interpreter: SessionClient, output: Output, start: Callable[[], str], *, kept: bool = False
) -> Iterator[str]:
    """Start a session for the block, which a signal may interrupt: the session's start and stop it may not.

    Args:
        interpreter: Where.
        output: Where it is told that the session could not be stopped.
        start: Starts it and returns its id.
        kept: It stays when the block has succeeded.
    """
    with gate.closed():
        session_id = start()
        try:
            with gate.opened():
                yield session_id
        except BaseException:
            stop(interpreter, session_id, output)
            raise
        if not kept:
            stop(interpreter, session_id, output)


def start(interpreter: SessionClient, lifetime: int) -> str:
    """Start a session under this program's name; returns its id.

    Args:
        interpreter: Where.
        lifetime: Seconds until the service ends it.
    """
    return interpreter.start(name=NAME, lifetime=lifetime)


def stop(interpreter: SessionClient, session_id: str, output: Output) -> None:
    """Stop a session that nobody else knows; that it cannot be stopped is told, not raised."""
    left = f"session {session_id} may run until its lifetime ends; agentcore-sandbox stop {session_id} ends it"
    try:
        with gate.closed(left=left):
            interpreter.stop(session_id)
    except SessionOverError:
        return
    except AgentcoreSandboxError as error:
        output.say(
            f"agentcore-sandbox: session {session_id} was not stopped and runs until its lifetime ends: {error.message}"
        )
