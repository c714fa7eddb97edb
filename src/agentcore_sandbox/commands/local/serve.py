"""Serve in the foreground until Ctrl-C, and print the lines of `local env`."""

from __future__ import annotations

import argparse
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox import emulator
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.commands.local.env import print_exports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_emulator.endpoint import LocalEndpoint

MOST = {
    "max-sessions": "sessions at once (default 1000)",
    "max-invoke-seconds": "seconds that one invoke may take (default 900)",
    "max-payload-bytes": "bytes that one request, or the files of one, may have (default 100000000)",
    "max-cpus": "processors that a session runs on (default 2)",
    "max-memory-bytes": "memory of a session, such as 512M (default 8G)",
    "max-disk-bytes": "what a session's files may take (default 10G)",
    "max-processes": "processes and threads of a session (default 1024)",
    "max-output-bytes": "what is kept of each output stream (default 20M: what one message can carry)",
    "max-command-bytes": "length of a shell command (default 131071)",
    "max-task-seconds": "seconds that one task may take (default 28800)",
}
_MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `local serve`."""
    parser.add_argument("--port", metavar="N", type=_port, help="the port (default: a free one)")
    parser.add_argument("--log", metavar="FILE", type=Path, help="append one JSON line a request to FILE")
    parser.add_argument(
        "--fault",
        metavar="KIND=OPERATION[:NUMBER][@AFTER]",
        action="append",
        default=[],
        help="let something go wrong, such as throttle=start:2, latency=invoke:0.5, error=stop:1, and of "
        "invoke alone break=invoke:1 (mid-stream), fail=invoke:1 (an error in it), lose=invoke:1 (its session); "
        "lose=invoke:1@4 does so after four that go well",
    )
    for flag, unit in MOST.items():
        kind = functools.partial(_amount, is_bytes=flag.endswith("-bytes"))
        parser.add_argument(f"--{flag}", metavar="N", type=kind, help=unit)
    options.add_json(parser)


@emulator.translated_errors()
def run(*, port: int | None, log: Path | None, fault: list[str], as_json: bool, **most: str | None) -> int:
    """Serve until a signal or `local stop`.

    Args:
        port: Where to serve; None for a free one.
        log: Where to record requests.
        fault: What shall go wrong.
        as_json: Print the variables as one JSON object.
        most: What the service and each session may use, AWS's figures where it is None.
    """
    from agentcore_emulator.runtime_folder import RuntimeFolder

    output = Output(as_json=as_json)
    environ = {**os.environ, **_settings(fault, most)}
    folder = RuntimeFolder.of(environ)  # tells where no service can be, before modules that such a system lacks
    from agentcore_emulator import serve

    def ready(endpoint: LocalEndpoint) -> None:
        print_exports(output, endpoint)
        output.say(f"agentcore-sandbox: serving at {endpoint.url}; Ctrl-C ends it and its sessions")

    serve.foreground(folder, serve.Options.of(environ, version=emulator.VERSION, port=port or 0), log, ready)
    output.say("agentcore-sandbox: the service and its sessions have ended")
    return 0


def _settings(fault: list[str], most: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables that say the same as the flags."""
    given = {f"AGENTCORE_SANDBOX_LOCAL_{name.upper()}": value for name, value in most.items() if value is not None}
    return given | ({"AGENTCORE_SANDBOX_LOCAL_FAULTS": " ".join(fault)} if fault else {})


def _amount(text: str, *, is_bytes: bool) -> str:
    """Check a figure, which goes on as the text of a variable."""
    from agentcore_emulator import limits

    try:
        limits.amount(text, is_bytes=is_bytes)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number from 1 to {_MAX_PORT}")
    return int(text)
