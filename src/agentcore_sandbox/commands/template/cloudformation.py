"""Print a CloudFormation template that makes what `setup` makes; subnets and security groups may be parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_sandbox.commands import options, provision
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.account.interpreters import Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `template cloudformation`."""
    provision.add_blueprint(parser)
    options.add_json(parser)


def run(*, name: str, as_json: bool, **given: Any) -> int:
    """Print the template.

    Args:
        name: Of the interpreter, the default of a parameter.
        as_json: On one line.
        given: The other flags of `provision.add_blueprint`.
    """
    output = Output(as_json=as_json)
    provision.read_name(name, longest=provision.LONGEST_SETUP_NAME)
    blueprint = provision.blueprint(name, _network(given), given)
    from agentcore_sandbox.account import template

    output.document(template.cloudformation(blueprint))
    if given["network"] == "public":
        output.say(f"warning: {provision.PUBLIC_WARNING}")
    deploy = f"aws cloudformation deploy --stack-name {name.replace('_', '-')} --template-file FILE"
    output.say(f"deploy it with: {deploy} --capabilities CAPABILITY_NAMED_IAM")
    return 0


def _network(given: dict[str, Any]) -> Network:
    if given["no_network_check"]:
        raise UsageError("--no-network-check is not for templates, which look at nothing")
    if given["network"] != "vpc" or given["subnets"] or given["security_groups"]:
        return provision.read_network(given)
    from agentcore_sandbox.account.interpreters import Network

    return Network("VPC")
