"""Flags of the commands that change an AWS account: declaring, validating, and asking for what is missing."""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.api import INTERPRETER_NAME
from agentcore_sandbox.aws import attachments
from agentcore_sandbox.aws.connect import connect_account
from agentcore_sandbox.cli import questions
from agentcore_sandbox.cli.parser import add_account, add_attachments
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.account.blueprint import Blueprint
    from agentcore_sandbox.account.policies import Grant
    from agentcore_sandbox.aws.attachments import Attachments
    from agentcore_sandbox.aws.interpreters import Network
    from agentcore_sandbox.cli.output import Output
    from agentcore_sandbox.settings import Flags, Settings

DEFAULT_NAME = "agentcore_sandbox"
LONGEST_SETUP_NAME = 32  # a role's name has at most 64 characters, and the region's name is in it too
NETWORKS = {
    "sandbox": "nothing but S3 and DNS",
    "vpc": "what the subnets and security groups allow",
    "public": "the whole internet",
}
# A test compares them with `policies.ACCESS`, which start-up does not import.
ACCESS_FLAGS = {
    "--logs-group": "query this CloudWatch log group with Logs Insights",
    "--s3-read": "list this bucket and read its objects",
    "--s3-write": "write objects into this bucket",
    "--dynamodb-read": "read this table and its indexes",
}
PLUGIN = "aws-bedrock-agentcore-codeinterpreter@agentcore-sandbox"
PUBLIC_WARNING = "network public: code in the sandbox has full internet access and can send anything it can read"
_NAME = re.compile(INTERPRETER_NAME)  # botocore's model of CreateCodeInterpreter, and the next two
_SUBNET = re.compile(r"subnet-[0-9a-zA-Z]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-zA-Z]{8,17}")
_ROLE = re.compile(r"arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+")
_TAG = re.compile(r"[a-zA-Z0-9 ._:/=+@-]*")  # the CloudFormation schema of CodeInterpreterCustom, and the next three
_TAG_CHARACTERS = "letters, digits, spaces and ._:/=+@-"
_LONGEST_KEY, _LONGEST_VALUE, _MOST_TAGS = 128, 256, 49  # setup adds one of its own
_ACCOUNT = re.compile(r"[0-9]{12}")
_MOST = 16  # subnets, and security groups


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose what code can reach."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--network",
        type=str.lower,  # AWS writes them in capitals
        choices=tuple(NETWORKS),
        help="what code can reach. " + "; ".join(f"{name}: {about}" for name, about in NETWORKS.items()),
    )
    for name, about in (("subnet", "a private subnet, at least two"), ("security-group", "a security group")):
        dest = name.replace("-", "_") + "s"
        group.add_argument(f"--{name}", metavar="ID", action="append", default=[], dest=dest, help=f"vpc: {about}")
    group.add_argument("--no-network-check", action="store_true", help="vpc: do not look at subnets and groups first")


def add_interpreter(parser: argparse.ArgumentParser) -> None:
    """Add an interpreter as a positional argument, and the account flags."""
    parser.add_argument("interpreter", help="id, ARN or name")
    add_endpoint(parser)
    add_account(parser)


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Add `--endpoint-url` for commands that use only the control plane."""
    parser.add_argument("--endpoint-url", metavar="URL", help="control plane endpoint, instead of AWS's")


def resolve_interpreter(flags: Flags, interpreter: str) -> Settings:
    """Resolve the arguments of `add_interpreter`.

    Raises:
        UsageError: A value is invalid.
    """
    return settings.resolve(flags._replace(interpreter_id=interpreter), os.environ)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose the account and region a policy is for."""
    parser.add_argument("--account", metavar="ID", help="12 digits (default: the account of the credentials)")
    add_account(parser)


def find_place(resolved: Settings, account: str | None) -> tuple[str, str, str]:
    """Partition, region and account; STS is asked for the account where `account` is None.

    Raises:
        UsageError: `account` is not an account id.
        AgentcoreSandboxError: No region is set, or STS cannot be asked.
    """
    if account and not _ACCOUNT.fullmatch(account):
        raise UsageError(f"not an account id: {account!r}", "it has 12 digits")
    connection = connect_account(resolved)
    if account:
        return connection.partition, connection.region, account
    from agentcore_sandbox.account import identity

    caller = identity.identify(connection)
    return caller.partition, connection.region, caller.account


def add_access(parser: argparse.ArgumentParser) -> None:
    """Add the flags that grant access to the execution role; each may be repeated."""
    group = parser.add_argument_group("what code in the sandbox may do with its execution role")
    for flag, about in ACCESS_FLAGS.items():
        group.add_argument(flag, metavar="ARN", action="append", default=[], help=about)


def read_access(given: Mapping[str, Sequence[str]]) -> tuple[Grant, ...]:
    """Read the access flags: key of each in argparse's values -> ARNs.

    Raises:
        UsageError: An ARN is not that of such a resource.
    """
    from agentcore_sandbox.account import policies

    return tuple(policies.grant(name, arn) for name, arns in given.items() for arn in arns)


def add_tags(parser: argparse.ArgumentParser) -> None:
    """Add `--tag`."""
    about = "a tag; may be repeated"
    parser.add_argument("--tag", metavar="KEY=VALUE", action="append", default=[], dest="tags", help=about)


def read_attachments(given: Mapping[str, Any], network: Network | None) -> Attachments:
    """Read the flags of `cli.parser.add_attachments` from argparse's values; other keys are ignored.

    Raises:
        UsageError: A value is invalid, or does not go with the network.
    """
    attached = attachments.read(given["mounts"], given["certificates"])
    if attached.mounts and network and network.mode != "VPC":
        raise UsageError("--mount works only with --network vpc", "file systems are reached in the subnets of a VPC")
    return attached


def add_blueprint(parser: argparse.ArgumentParser) -> None:
    """Add the interpreter's name, and the flags that say what `setup` creates."""
    parser.add_argument("name", nargs="?", default=DEFAULT_NAME, help=f"the interpreter (default {DEFAULT_NAME})")
    parser.add_argument("--with-listing", action="store_true", help="callers may also list sessions")
    add_network(parser)
    add_access(parser)
    add_attachments(parser, "of each session")
    add_tags(parser)


def blueprint(name: str, network: Network | None, given: Mapping[str, Any]) -> Blueprint:
    """Read the flags of `add_blueprint`.

    Raises:
        UsageError: A value is invalid.
    """
    from agentcore_sandbox.account.blueprint import Blueprint
    from agentcore_sandbox.account.policies import ACCESS, OWNER_TAG

    grants, tags = read_access({name: given[name] for name in ACCESS}), read_tags(given["tags"])
    for key in OWNER_TAG.keys() & tags.keys():
        raise UsageError(f"the tag {key} is reserved", "leave it out: setup recognizes by it what it may remove")

    return Blueprint(name, network, grants, given["with_listing"], tags, read_attachments(given, network))


def read_name(name: str | None, *, longest: int = 48) -> str:
    """Return the interpreter's name if it is valid and at most `longest` characters long.

    Raises:
        UsageError: It is missing or invalid.
    """
    if not name or not _NAME.fullmatch(name):
        message = f"not a valid interpreter name: {name!r}" if name else "the interpreter's name is missing"
        raise UsageError(message, "a letter, then up to 47 letters, digits and underscores, such as my_interpreter")
    if len(name) > longest:
        raise UsageError(f"the name has {len(name)} characters", f"use at most {longest}")
    return name


def read_role(role: str | None) -> None:
    """Validate the ARN of an execution role.

    Raises:
        UsageError: It is invalid.
    """
    if role is not None and not _ROLE.fullmatch(role):
        raise UsageError(f"not a role ARN: {role!r}", "it looks like arn:aws:iam::111122223333:role/my-role")


def read_network(given: Mapping[str, Any]) -> Network:
    """Read the flags of `add_network` from argparse's values; other keys are ignored.

    Raises:
        UsageError: A flag is missing, does not fit, or is invalid.
    """
    network, subnets, security_groups = given["network"], given["subnets"], given["security_groups"]
    if network is None:
        raise UsageError("no network mode is given", f"choose one: --network {'|'.join(NETWORKS)}")
    if network != "vpc" and (subnets or security_groups or given["no_network_check"]):
        flags = "--subnet, --security-group and --no-network-check"
        raise UsageError(f"{flags} work only with --network vpc, not with {network}")
    if network == "vpc":
        _check_ids("--subnet", subnets, _SUBNET, at_least=2)
        _check_ids("--security-group", security_groups, _SECURITY_GROUP, at_least=1)
    from agentcore_sandbox.aws.interpreters import Network

    return Network(network.upper(), tuple(subnets), tuple(security_groups))


def _check_ids(flag: str, ids: Sequence[str], form: re.Pattern[str], *, at_least: int) -> None:
    for wrong in (text for text in ids if not form.fullmatch(text)):
        raise UsageError(
            f"not a valid {flag}: {wrong!r}", f"it looks like {form.pattern.split('-')[0]}-0123456789abcdef0"
        )
    if not at_least <= len(set(ids)) <= _MOST or len(set(ids)) != len(ids):
        raise UsageError(f"--network vpc needs {at_least} to {_MOST} different ids with {flag}")


def read_tags(tags: Sequence[str]) -> dict[str, str]:
    """Read tags given as `KEY=VALUE`.

    Raises:
        UsageError: One is invalid, or there are too many.
    """
    pairs = [_read_tag(tag) for tag in tags]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UsageError("a tag key is given twice", "use a different key for each KEY=VALUE")
    if len(found) > _MOST_TAGS:
        raise UsageError(f"{len(found)} tags are given, but at most {_MOST_TAGS} are allowed")
    return found


def _read_tag(tag: str) -> tuple[str, str]:
    key, equals, value = tag.partition("=")
    if not equals or not _TAG.fullmatch(value):
        raise UsageError(f"not a valid tag: {tag!r}", f"write KEY=VALUE: {_TAG_CHARACTERS}")
    if len(value) > _LONGEST_VALUE:
        raise UsageError(f"a tag's value is too long: {value[:40]!r}", f"at most {_LONGEST_VALUE} characters")
    return read_tag_key(key), value


def read_tag_key(key: str) -> str:
    """Return the key of a tag if it is valid.

    Raises:
        UsageError: It is not.
    """
    if not key or not _TAG.fullmatch(key) or key.lower().startswith("aws:"):
        raise UsageError(f"not a valid tag key: {key!r}", f"{_TAG_CHARACTERS}, and no key that begins with aws:")
    if len(key) > _LONGEST_KEY:
        raise UsageError(f"a tag's key is too long: {key[:40]!r}", f"at most {_LONGEST_KEY} characters")
    return key


def ask_network(output: Output) -> str | None:
    """Ask on the terminal what code may reach; None without a terminal.

    Raises:
        UsageError: The answer is not one of `NETWORKS`.
    """
    if not questions.can_be_asked():
        return None
    for name, about in NETWORKS.items():
        output.say(f"  {name:<8} {about}")
    output.say(f"What may code in the sandbox reach? Type {', '.join(NETWORKS)}")
    answer = sys.stdin.readline().strip().lower()
    if answer not in NETWORKS:
        raise UsageError(f"not a network mode: {answer!r}", f"choose one: --network {'|'.join(NETWORKS)}")
    return answer


def usage_lines(interpreter_id: str, flags: Flags) -> list[str]:
    """The commands that make an interpreter the default: in a shell, and in the plugin."""
    values = (
        ("CUSTOM_AGENTCORE_INTERPRETER_ID", "interpreter_id", interpreter_id),
        ("CUSTOM_AGENTCORE_AWS_PROFILE", "profile", flags.profile),
        ("CUSTOM_AGENTCORE_AWS_REGION", "region", flags.region),
    )
    exports = [f"export {variable}={shlex.quote(value)}" for variable, _, value in values if value]
    config = " ".join(f"--config {option}={shlex.quote(value)}" for _, option, value in values if value)
    return [*exports, f"claude plugin install {PLUGIN} {config}"]
