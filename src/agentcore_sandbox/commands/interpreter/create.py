"""Make a code interpreter, wait until it is READY, and print its id."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.aws.connect import connect_account
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.signals import Interrupted, gate

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreter_client import InterpreterClient
    from agentcore_sandbox.aws.interpreters import Interpreter, Network

LOOK = "agentcore-sandbox interpreter list"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `interpreter create`."""
    parser.add_argument("name", help="a letter, then up to 47 letters, digits and underscores")
    parser.add_argument("--role", metavar="ARN", help="the execution role, which code in the sandbox has")
    arguments.add_network(parser)
    arguments.add_tags(parser)
    arguments.add_endpoint(parser)
    options.add_account(parser)


def run(*, flags: settings.Flags, name: str, role: str | None, tags: Sequence[str], as_json: bool, **given: Any) -> int:
    """Create it; the network of a VPC is looked at before.

    Args:
        flags: Which account.
        name: Of the interpreter.
        role: ARN of the execution role.
        tags: `KEY=VALUE`.
        as_json: Print an object with the keys of `interpreter show`.
        given: The flags of `provision.add_network`.
    """
    output = Output(as_json=as_json)
    arguments.read_name(name)
    arguments.read_role(role)
    labels = arguments.read_tags(tags)
    network = arguments.read_network(given)
    resolved = settings.resolve_account(flags, os.environ)
    connection = connect_account(resolved)
    if network.mode == "PUBLIC":
        output.say(f"warning: {arguments.PUBLIC_WARNING}")
    if network.mode == "VPC" and not given["no_network_check"]:
        _check(output, network, connection)
    from agentcore_sandbox.aws.interpreter_client import InterpreterClient

    control = InterpreterClient(connection)
    with gate.closed(left=f"interpreter {name} may be left: `{LOOK}` shows it"):  # its id must be told
        interpreter_id = control.create(name, network, role=role, tags=labels)
        output.say(f"{interpreter_id} is being created")
        made = _wait(output, control, interpreter_id)
    _tell(output, made, replace(flags, region=connection.region))
    return 0


def _wait(output: Output, control: InterpreterClient, interpreter_id: str) -> Interpreter:
    try:
        with gate.opened():
            return control.wait_until_ready(interpreter_id, output.say)
    except Interrupted:
        output.say(f"AWS goes on with it: agentcore-sandbox interpreter show {interpreter_id}, or delete")
        raise


def _check(output: Output, network: Network, connection: Connection) -> None:
    from agentcore_sandbox.account import networks

    for warning in networks.check(network, networks.USUAL_SERVICES, connection):
        output.say(f"warning: {warning}")


def _tell(output: Output, made: Interpreter, flags: settings.Flags) -> None:
    if output.as_json:
        output.data(made.described())
        return
    output.line(made.interpreter_id)
    output.say("to use it in a shell, or in Claude Code:")
    for line in arguments.usage_lines(made.interpreter_id, flags):
        output.say(f"  {line}")
