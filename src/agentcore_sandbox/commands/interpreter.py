"""The code interpreters of an AWS account."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.api import MANAGED_INTERPRETER
from agentcore_sandbox.aws.connect import connect_account
from agentcore_sandbox.cli import questions
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import Command, add_account, add_attachments
from agentcore_sandbox.cli.signals import Interrupted, gate
from agentcore_sandbox.cli.units import local_time
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.aws.attachments import Attachments
    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreter_client import InterpreterClient
    from agentcore_sandbox.aws.interpreters import Interpreter, Network

HEADER = ("INTERPRETER", "NAME", "STATUS", "CREATED")
LIST = "agentcore-sandbox interpreter list"
SHOW = "agentcore-sandbox interpreter show"
DELETE = "agentcore-sandbox interpreter delete"


def _connect(resolved: settings.Settings) -> InterpreterClient:
    connection = connect_account(resolved)
    from agentcore_sandbox.aws.interpreter_client import InterpreterClient

    return InterpreterClient(connection)


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a letter, then up to 47 letters, digits and underscores")
    parser.add_argument("--role", metavar="ARN", help="the execution role, which code in the sandbox assumes")
    arguments.add_network(parser)
    add_attachments(parser, "of each session")
    arguments.add_tags(parser)
    _add_list(parser)


def _create(
    *, flags: settings.Flags, name: str, role: str | None, tags: Sequence[str], as_json: bool, **given: Any
) -> int:
    """Create an interpreter; the network of a VPC is checked first. `given` has the flags of `add_network`."""
    output = Output(as_json=as_json)
    arguments.read_name(name)
    arguments.read_role(role)
    labels = arguments.read_tags(tags)
    network = arguments.read_network(given)
    attached = arguments.read_attachments(given, network)
    if attached.mounts and not role:
        raise UsageError("--mount needs --role", "sessions mount file systems with the execution role")
    resolved = settings.resolve_account(flags, os.environ)
    connection = connect_account(resolved)
    if network.mode == "PUBLIC":
        output.say(f"warning: {arguments.PUBLIC_WARNING}")
    if network.mode == "VPC" and not given["no_network_check"]:
        _check(output, network, attached, connection)
    from agentcore_sandbox.aws.interpreter_client import InterpreterClient

    control = InterpreterClient(connection)
    with gate.closed(left=f"interpreter {name} may exist: see `{LIST}`"):  # its id must be printed
        interpreter_id = control.create(name, network, role=role, tags=labels, attached=attached)
        output.say(f"{interpreter_id} is being created")
        created = _wait_until_ready(output, control, interpreter_id)
    from agentcore_sandbox.aws import interpreter_names

    interpreter_names.remember(connection, created.name, interpreter_id)
    _tell(output, created, flags._replace(region=connection.region))
    return 0


def _check(output: Output, network: Network, attached: Attachments, connection: Connection) -> None:
    from agentcore_sandbox.account import networks

    for warning in networks.check(network, networks.USUAL_SERVICES, attached.mounts, connection):
        output.say(f"warning: {warning}")


def _wait_until_ready(output: Output, control: InterpreterClient, interpreter_id: str) -> Interpreter:
    try:
        with gate.opened():
            return control.wait_until_ready(interpreter_id, output.say)
    except Interrupted:
        output.say(f"AWS continues to create it; see: {SHOW} {interpreter_id}; to delete it: {DELETE} {interpreter_id}")
        raise


def _tell(output: Output, created: Interpreter, flags: settings.Flags) -> None:
    if output.as_json:
        output.data(created.described())
        return
    output.line(created.interpreter_id)
    output.say("to use it in a shell, or in Claude Code:")
    for line in arguments.usage_lines(created.interpreter_id, flags):
        output.say(f"  {line}")


def _add_list(parser: argparse.ArgumentParser) -> None:
    arguments.add_endpoint(parser)
    add_account(parser)


def _list(*, flags: settings.Flags, as_json: bool) -> int:
    """Print a table, or an object with the key `interpreters`; the oldest first."""
    output = Output(as_json=as_json)
    control = _connect(settings.resolve_account(flags, os.environ))
    found = sorted(control.all(), key=lambda interpreter: interpreter.created_at)
    if as_json:
        output.data({"interpreters": [interpreter.described() for interpreter in found]})
        return 0
    rows = [(one.interpreter_id, one.name, one.status, local_time(one.created_at)) for one in found]
    output.table(HEADER, rows)
    return 0


def _show(*, flags: settings.Flags, interpreter: str, as_json: bool) -> int:
    """Print one line a property, or an object."""
    output = Output(as_json=as_json)
    resolved = arguments.resolve_interpreter(flags, interpreter)
    if resolved.is_local:
        raise UsageError(
            f"{interpreter} is no interpreter of an account", "look at it with: agentcore-sandbox local status"
        )
    control = _connect(resolved)
    found = control.get(control.interpreter_id)
    if found.interpreter_id != MANAGED_INTERPRETER:  # it is AWS's, and has none
        found = _with_tags(output, control, found)
    _print(output, found)
    return 0


def _with_tags(output: Output, control: InterpreterClient, found: Interpreter) -> Interpreter:
    try:
        return replace(found, tags=control.tags(found.arn))
    except AgentcoreSandboxError as error:
        if error.code != "AccessDenied":
            raise
        output.say(f"warning: its tags are not shown: {error.message}")
        return found


def _print(output: Output, found: Interpreter) -> None:
    if output.as_json:
        output.data(found.described())
        return
    for key, value in {**found.described(), "createdAt": local_time(found.created_at)}.items():
        text = ", ".join(map(_shown, value)) if isinstance(value, list) else _shown(value)
        if text:
            output.line(f"{key}: {text}")


def _shown(value: Any) -> str:
    return ", ".join(f"{name}={text}" for name, text in value.items()) if isinstance(value, dict) else str(value or "")


def _add_tag(parser: argparse.ArgumentParser) -> None:
    arguments.add_interpreter(parser)
    about = "a tag to put on it, or the new value of one that it has"
    parser.add_argument("tags", metavar="KEY=VALUE", nargs="*", help=about)
    about = "take the tag with this key away; may be repeated"
    parser.add_argument("--remove", metavar="KEY", action="append", default=[], help=about)


def _tag(*, flags: settings.Flags, interpreter: str, tags: Sequence[str], remove: Sequence[str], as_json: bool) -> int:
    """Change tags, and print the interpreter as `show` does."""
    put, gone = arguments.read_tags(tags), [arguments.read_tag_key(key) for key in dict.fromkeys(remove)]
    if not put and not gone:
        raise UsageError("no tag is given", "write KEY=VALUE to put one, --remove KEY to take one away")
    if both := put.keys() & set(gone):
        raise UsageError(f"the tag {min(both)!r} is both given and removed", "leave out one of them")
    control = _connect(_resolve_created(flags, interpreter, "tagged"))
    found = control.get(control.interpreter_id)
    control.change_tags(found.arn, put, gone)
    output = Output(as_json=as_json)
    _print(output, _with_tags(output, control, found))
    return 0


def _resolve_created(flags: settings.Flags, interpreter: str, changed: str) -> settings.Settings:
    """Resolve an interpreter, which must be one that somebody created."""
    resolved = arguments.resolve_interpreter(flags, interpreter)
    if resolved.is_local or resolved.plain_id == MANAGED_INTERPRETER:
        raise UsageError(f"{resolved.plain_id} cannot be {changed}", "only interpreters that you created can")
    return resolved


def _add_delete(parser: argparse.ArgumentParser) -> None:
    arguments.add_interpreter(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")


def _delete(*, flags: settings.Flags, interpreter: str, yes: bool, as_json: bool) -> int:
    """Ask, delete, and wait; with `--json`, print an object with the key `deleted`."""
    output = Output(as_json=as_json)
    control = _connect(_resolve_created(flags, interpreter, "deleted"))
    found = control.get(control.interpreter_id)
    questions.confirm(output, f"delete {found.interpreter_id} ({found.name}) for good", yes=yes)
    try:
        control.remove(found.interpreter_id, output.say)
    except Interrupted:
        output.say(f"it may be deleted or not; see: {SHOW} {found.interpreter_id}")
        raise
    output.data({"deleted": found.interpreter_id}) if as_json else output.line("interpreter deleted")
    return 0


SUBCOMMANDS = {
    "create": Command(
        "Create a code interpreter, wait until it is READY, and print its id.",
        _add_create,
        _create,
        ("agentcore-sandbox interpreter create demo --network sandbox",),
    ),
    "list": Command("List the account's code interpreters and AWS's own.", _add_list, _list, (f"{LIST} --json",)),
    "show": Command(
        "Show a code interpreter: its state, role, network and tags.",
        arguments.add_interpreter,
        _show,
        (f"{SHOW} demo-AbCdEfGh12",),
    ),
    "tag": Command(
        "Put tags on a code interpreter, or take them away, and show it.",
        _add_tag,
        _tag,
        (
            "agentcore-sandbox interpreter tag demo-AbCdEfGh12 team=data stage=test",
            "agentcore-sandbox interpreter tag demo-AbCdEfGh12 --remove stage",
        ),
    ),
    "delete": Command(
        "Delete a code interpreter for good, and wait until it is gone.",
        _add_delete,
        _delete,
        (f"{DELETE} demo-AbCdEfGh12",),
    ),
}
