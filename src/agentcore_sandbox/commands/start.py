"""Start a session that lives until it is stopped or its lifetime ends, and print its id."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.commands import options
from agentcore_sandbox.commands.connection import connect
from agentcore_sandbox.commands.run import SESSION_NAME, stop
from agentcore_sandbox.output import Output
from agentcore_sandbox.signals import gate

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `start`."""
    options.add_lifetime(parser)
    options.add_connection(parser)


def run(*, flags: settings.Flags, lifetime: int, as_json: bool) -> int:
    """Start a session; one whose id cannot be printed is stopped again.

    Args:
        flags: Where to run.
        lifetime: Of the session, in seconds.
        as_json: Print an object with the key `sessionId`.
    """
    resolved = settings.resolve(flags, os.environ)
    output = Output(as_json=as_json)
    interpreter = connect(resolved)
    with gate.closed():
        session_id = interpreter.start(name=SESSION_NAME, lifetime=lifetime)
        try:
            with gate.opened():
                output.data({"sessionId": session_id}) if as_json else output.line(session_id)
        except BaseException:
            stop(interpreter, session_id, output)
            raise
    return 0
