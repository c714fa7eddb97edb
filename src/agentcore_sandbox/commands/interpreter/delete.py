"""Delete a code interpreter for good, and wait until it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.account import arguments
from agentcore_sandbox.aws.connect import connect_control
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox import settings
    from agentcore_sandbox.aws.interpreter_client import InterpreterClient

SYSTEM = "aws.codeinterpreter.v1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `interpreter delete`."""
    arguments.add_interpreter(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(*, flags: settings.Flags, interpreter: str, yes: bool, as_json: bool) -> int:
    """Ask, delete, and wait.

    Args:
        flags: Which account.
        interpreter: Id or ARN.
        yes: Do not ask.
        as_json: Print an object with the key `deleted`.
    """
    output = Output(as_json=as_json)
    resolved = arguments.resolve_interpreter(flags, interpreter)
    if resolved.is_local or resolved.plain_id == SYSTEM:
        raise UsageError(f"{resolved.plain_id} cannot be deleted", "only interpreters that you made can")
    control = connect_control(resolved)
    found = control.get(resolved.plain_id)
    arguments.confirm(output, f"delete {found.interpreter_id} ({found.name}) for good", yes=yes)
    control.delete(found.interpreter_id)
    _wait(output, control, found.interpreter_id)
    output.data({"deleted": found.interpreter_id}) if as_json else output.line("interpreter deleted")
    return 0


def _wait(output: Output, control: InterpreterClient, interpreter_id: str) -> None:
    try:
        control.wait_until_gone(interpreter_id, output.say)
    except Interrupted:
        output.say(f"AWS goes on with it: agentcore-sandbox interpreter show {interpreter_id}")
        raise
