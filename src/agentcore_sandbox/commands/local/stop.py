"""End the emulator and all its sessions."""

from __future__ import annotations

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.emulator import translated_errors

add_arguments = options.add_json


@translated_errors()
def run(*, as_json: bool) -> int:
    """End it, if it runs.

    Args:
        as_json: Print an object with the key `stopped`.
    """
    from agentcore_emulator import daemon

    output = Output(as_json=as_json)
    stopped = daemon.stop()
    output.data({"stopped": stopped}) if as_json else output.line("stopped" if stopped else "not running")
    return 0
