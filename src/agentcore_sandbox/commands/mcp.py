"""Serve the sandbox's tools to another program, such as an agent, by the Model Context Protocol over standard input."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_connection, add_lifetime
from agentcore_sandbox.cli.signals import HANDLED, Interrupted
from agentcore_sandbox.mcp.server import Server
from agentcore_sandbox.mcp.session import OwnSession
from agentcore_sandbox.mcp.stdio import Lines
from agentcore_sandbox.mcp.tools import ToolTable
from agentcore_sandbox.policy import lock
from agentcore_sandbox.policy.host_files import HostFiles
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from types import FrameType

    from agentcore_sandbox.settings import Flags

LIFETIME = 3600  # seconds, of the connection's own session
EXAMPLES = (
    "agentcore-sandbox mcp --interpreter-id local",
    "claude mcp add sbx -- agentcore-sandbox mcp --interpreter-id local",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mcp`."""
    about = "copy files only from and to this folder; without it, the client's roots, else the working directory"
    allow(parser.add_argument("--root", metavar="DIR", help=about), lock.root)
    add_lifetime(parser, default=LIFETIME)
    add_connection(parser)


def run(*, flags: Flags, root: str | None, lifetime: int, as_json: bool) -> int:  # noqa: ARG001 - it speaks JSON anyway
    """Serve until the client closes standard input, or a signal ends this; then stop the connection's session."""
    folder = None if root is None else HostFiles(root, os.environ).root
    if sys.stdin is not None and sys.stdin.isatty():
        Output().say("agentcore-sandbox: this is for programs that speak the Model Context Protocol; Ctrl-C ends it")
    own = OwnSession(flags, lifetime)
    server = Server(ToolTable(own, folder), Lines())
    for signum in HANDLED:  # by no gate, which belongs to one thread, and here every call has one
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _interrupt)
    try:
        server.run()
    except Interrupted as interrupted:
        return interrupted.status
    finally:
        for signum in HANDLED:
            signal.signal(signum, signal.SIG_IGN)  # what is left to do has a deadline
        server.close()
        own.close()
        Output.afterwards.clear()  # nobody would hear it
    return 0


def _interrupt(signum: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(signum)
