"""Code interpreters of the account: create one, list them, show or delete one."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.commands import options, provision
from agentcore_sandbox.commands.connection import connect_account
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.account.control import ControlPlane
    from agentcore_sandbox.account.interpreters import Interpreter, Network
    from agentcore_sandbox.aws_clients import Connection

ACTIONS = {
    "create": "make one with this NAME, wait until it is READY, print its id",
    "list": "list all",
    "show": "show the one with this id or ARN",
    "delete": "delete the one with this id or ARN",
}
CREATE_ONLY = ("role", "network", "subnets", "security_groups", "no_network_check", "tags")
HEADER = ("INTERPRETER", "NAME", "STATUS", "CREATED")
SYSTEM = "aws.codeinterpreter.v1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `interpreter`."""
    about = "; ".join(f"{name}: {text}" for name, text in ACTIONS.items())
    parser.add_argument("action", choices=tuple(ACTIONS), help=about)
    parser.add_argument("target", nargs="?", metavar="name-or-id", help="create: its name; show, delete: its id or ARN")
    parser.add_argument("--role", metavar="ARN", help="create: the execution role, which code in the sandbox has")
    provision.add_network(parser)
    provision.add_tags(parser)
    parser.add_argument("--yes", action="store_true", help="delete: do not ask")
    options.add_account(parser)
    parser.add_argument("--endpoint-url", metavar="URL", help="endpoint of the control plane instead of AWS's")


def run(*, action: str, target: str | None, flags: settings.Flags, yes: bool, as_json: bool, **given: Any) -> int:
    """Do what the action says.

    Args:
        action: One of `ACTIONS`.
        target: A name for create, an id or ARN for show and delete.
        flags: Which account.
        yes: Delete without asking.
        as_json: Print JSON.
        given: The flags in `CREATE_ONLY`.
    """
    output = Output(as_json=as_json)
    if action != "create" and any(given[name] for name in CREATE_ONLY):
        raise UsageError(f"--role, --tag and the network flags are for `interpreter create`, not for {action}")
    if action == "create":
        _create(output, flags, provision.read_name(target), given)
    elif action == "list":
        _list(output, flags, target)
    else:
        resolved = _resolve_target(flags, target, action)
        _show(output, resolved) if action == "show" else _delete(output, resolved, yes=yes)
    return 0


def _resolve_target(flags: settings.Flags, target: str | None, action: str) -> settings.Settings:
    if not target:
        raise UsageError(f"{action} needs an id or ARN", "list them with: agentcore-sandbox interpreter list")
    return settings.resolve(replace(flags, interpreter_id=target), os.environ)


def _open(resolved: settings.Settings) -> tuple[ControlPlane, Connection]:
    connection = connect_account(resolved)
    from agentcore_sandbox.account.control import ControlPlane

    return ControlPlane(connection, resolved), connection


def _create(output: Output, flags: settings.Flags, name: str, given: dict[str, Any]) -> None:
    role, tags = provision.read_role(given["role"]), provision.read_tags(given["tags"])
    network = provision.read_network(given["network"], given["subnets"], given["security_groups"])
    resolved = settings.resolve_account(flags, os.environ)
    control, connection = _open(resolved)
    if network.mode == "PUBLIC":
        output.say(f"warning: {provision.PUBLIC_WARNING}")
    if network.mode == "VPC" and not given["no_network_check"]:
        _check(output, network, connection, resolved)
    interpreter_id = control.create(name, network, role=role, tags=tags)
    output.say(f"{interpreter_id} is being created")
    _tell_created(output, control.wait_until_ready(interpreter_id, output.say), flags)


def _check(output: Output, network: Network, connection: Connection, resolved: settings.Settings) -> None:
    from agentcore_sandbox.account import networks

    for warning in networks.check(network, networks.USUAL_SERVICES, connection, resolved):
        output.say(f"warning: {warning}")


def _tell_created(output: Output, made: Interpreter, flags: settings.Flags) -> None:
    if output.as_json:
        output.data(_described(made))
        return
    output.line(made.interpreter_id)
    output.say("to use it in a shell, or in Claude Code:")
    for line in provision.usage_lines(made.interpreter_id, flags):
        output.say(f"  {line}")


def _list(output: Output, flags: settings.Flags, target: str | None) -> None:
    if target:
        raise UsageError("list takes no name or id", "to see one: agentcore-sandbox interpreter show ID")
    control, _ = _open(settings.resolve_account(flags, os.environ))
    found = sorted(control.all(), key=lambda interpreter: interpreter.created_at)
    if output.as_json:
        output.data({"interpreters": [_described(interpreter) for interpreter in found]})
    else:
        output.table(HEADER, _rows(found))


def _rows(found: Sequence[Interpreter]) -> list[tuple[str, ...]]:
    return [
        (interpreter.interpreter_id, interpreter.name, interpreter.status, f"{interpreter.created_at:%Y-%m-%d %H:%M}")
        for interpreter in found
    ]


def _show(output: Output, resolved: settings.Settings) -> None:
    control, _ = _open(resolved)
    described = _described(control.get(_id(resolved)))
    if output.as_json:
        output.data(described)
        return
    for key, value in described.items():
        text = ", ".join(value) if isinstance(value, list) else value
        if text:
            output.line(f"{key}: {text}")


def _delete(output: Output, resolved: settings.Settings, *, yes: bool) -> None:
    interpreter_id = _id(resolved)
    if resolved.is_local or interpreter_id == SYSTEM:
        raise UsageError(f"{interpreter_id} cannot be deleted", "only interpreters that you made can")
    control, _ = _open(resolved)
    found = control.get(interpreter_id)
    provision.confirm(output, f"delete {found.interpreter_id} ({found.name}) for good", yes=yes)
    control.delete(interpreter_id)
    control.wait_until_gone(interpreter_id, output.say)
    output.data({"deleted": interpreter_id}) if output.as_json else output.line("interpreter deleted")


def _id(resolved: settings.Settings) -> str:
    return resolved.interpreter_id.rpartition("/")[2]


def _described(interpreter: Interpreter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "interpreterId": interpreter.interpreter_id,
        "arn": interpreter.arn,
        "name": interpreter.name,
        "status": interpreter.status,
        "createdAt": interpreter.created_at.isoformat(),
    }
    if interpreter.network:
        described |= {"role": interpreter.role, "networkMode": interpreter.network.mode}
        described |= {
            "subnets": list(interpreter.network.subnets),
            "securityGroups": list(interpreter.network.security_groups),
            "failure": interpreter.failure,
        }
    return described
