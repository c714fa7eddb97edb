"""Templates that create what `setup` creates, for accounts that are kept as code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_sandbox.account import arguments
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import Command, add_json
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from agentcore_sandbox.aws.interpreters import Network


MOUNTS_WARNING = (
    "AWS::BedrockAgentCore::CodeInterpreterCustom has no property for file systems: the template lets the role mount "
    "them, and each session must ask for them: agentcore-sandbox start --mount ..., run --mount ..."
)


def _add_cloudformation(parser: argparse.ArgumentParser) -> None:
    arguments.add_blueprint(parser)
    add_json(parser)


def _cloudformation(*, name: str, as_json: bool, **given: Any) -> int:
    """Print the template. `name` is the default of a parameter; `given` has the other flags of `add_blueprint`."""
    output = Output(as_json=as_json)
    arguments.read_name(name, longest=arguments.LONGEST_SETUP_NAME)
    blueprint = arguments.blueprint(name, _network(given), given)
    from agentcore_sandbox.account.blueprint import cloudformation

    template = cloudformation(blueprint)
    output.document(template)
    if blueprint.attached.mounts:
        output.say(f"warning: {MOUNTS_WARNING}")
    if given["network"] == "public":
        output.say(f"warning: {arguments.PUBLIC_WARNING}")
    deploy = f"aws cloudformation deploy --stack-name {name.replace('_', '-')} --template-file FILE"
    output.say(f"deploy it with: {deploy} --capabilities CAPABILITY_NAMED_IAM{_overrides(template['Parameters'])}")
    return 0


def _overrides(parameters: Mapping[str, Mapping[str, Any]]) -> str:
    """The option of `deploy` for the parameters that have no default; all of them are lists."""
    needed = [f"{name}=ID,ID" for name, parameter in parameters.items() if "Default" not in parameter]
    return f" --parameter-overrides {' '.join(needed)}" if needed else ""


def _network(given: dict[str, Any]) -> Network:
    if given["no_network_check"]:
        raise UsageError("--no-network-check does not apply to a template, which checks nothing")
    if given["network"] != "vpc" or given["subnets"] or given["security_groups"]:
        return arguments.read_network(given)
    from agentcore_sandbox.aws.interpreters import Network

    return Network("VPC")


SUBCOMMANDS = {
    "cloudformation": Command(
        "Print a CloudFormation template that creates what `setup` creates; subnets and security groups may be "
        "parameters.",
        _add_cloudformation,
        _cloudformation,
        ("agentcore-sandbox template cloudformation demo --network sandbox > demo.json",),
    ),
}
