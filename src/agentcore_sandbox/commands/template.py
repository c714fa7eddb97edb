"""Print a template that makes what `setup` makes, for those who keep their account in code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.commands import provision
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.account.interpreters import Network

KINDS = ("cloudformation",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `template`."""
    parser.add_argument("kind", choices=KINDS, help="cloudformation: as JSON, with the name as a parameter")
    provision.add_blueprint(parser)


def run(*, kind: str, name: str, **given: Any) -> int:
    """Print a template.

    Args:
        kind: One of `KINDS`.
        name: Of the interpreter, the default of a parameter.
        given: The flags of `provision.add_blueprint`.
    """
    output = Output()
    provision.read_name(name, longest=provision.LONGEST_SETUP_NAME)
    blueprint = provision.blueprint(name, _network(given), given)
    from agentcore_sandbox.account import template

    output.line(json.dumps(getattr(template, kind)(blueprint), indent=2))
    deploy = f"aws cloudformation deploy --stack-name {name.replace('_', '-')} --template-file FILE"
    output.say(f"deploy it with: {deploy} --capabilities CAPABILITY_NAMED_IAM")
    return 0


def _network(given: dict[str, Any]) -> Network:
    """Subnets and security groups may be left to the template's parameters."""
    if given["no_network_check"]:
        raise UsageError("--no-network-check is not for templates, which look at nothing")
    if given["network"] != "vpc" or given["subnets"] or given["security_groups"]:
        return provision.read_network(given["network"], given["subnets"], given["security_groups"])
    from agentcore_sandbox.account.interpreters import Network

    return Network("VPC")
