"""Print a CloudFormation template that makes what `setup` makes; subnets and security groups may be parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_sandbox.account import arguments
from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from agentcore_sandbox.aws.interpreters import Network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `template cloudformation`."""
    arguments.add_blueprint(parser)
    options.add_json(parser)


def run(*, name: str, as_json: bool, **given: Any) -> int:
    """Print the template.

    Args:
        name: Of the interpreter, the default of a parameter.
        as_json: On one line.
        given: The other flags of `provision.add_blueprint`.
    """
    output = Output(as_json=as_json)
    arguments.read_name(name, longest=arguments.LONGEST_SETUP_NAME)
    blueprint = arguments.blueprint(name, _network(given), given)
    from agentcore_sandbox.account.blueprint import cloudformation

    output.document(cloudformation(blueprint))
    if given["network"] == "public":
        output.say(f"warning: {arguments.PUBLIC_WARNING}")
    deploy = f"aws cloudformation deploy --stack-name {name.replace('_', '-')} --template-file FILE"
    output.say(f"deploy it with: {deploy} --capabilities CAPABILITY_NAMED_IAM")
    return 0


def _network(given: dict[str, Any]) -> Network:
    if given["no_network_check"]:
        raise UsageError("--no-network-check is not for templates, which look at nothing")
    if given["network"] != "vpc" or given["subnets"] or given["security_groups"]:
        return arguments.read_network(given)
    from agentcore_sandbox.aws.interpreters import Network

    return Network("VPC")
