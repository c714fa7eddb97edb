"""Ready IAM policies, as JSON documents on standard output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.aws import attachments
from agentcore_sandbox.aws.connect import connect_account
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import Command, add_certificates, add_json, add_mounts
from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def _trust(*, flags: settings.Flags, account: str | None, as_json: bool) -> int:
    """Print the trust policy; STS is asked for the account where none is given."""
    partition, region, account = arguments.find_place(settings.resolve_account(flags, os.environ), account)
    from agentcore_sandbox.account import policies

    source_arn = policies.source_arn(partition, region, account)
    Output(as_json=as_json).document(policies.trust(account, source_arn))
    return 0


def _add_execution(parser: argparse.ArgumentParser) -> None:
    arguments.add_access(parser)
    add_mounts(parser, "for sessions with")
    add_json(parser)


def _execution(*, mounts: Sequence[str], as_json: bool, **given: Sequence[str]) -> int:
    """Print the policy of an execution role. `given` has the flags of `arguments.add_access`."""
    grants, attached = arguments.read_access(given), attachments.read(mounts, ())
    if not grants and not attached.mounts:
        raise UsageError("nothing to allow", f"add one or more of: {', '.join(arguments.ACCESS_FLAGS)}, --mount")
    from agentcore_sandbox.account import policies

    Output(as_json=as_json).document(policies.execution(grants, attached.mounts))
    return 0


def _add_caller(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--interpreter-id", metavar="ID", help="id, ARN or name of the code interpreter")
    parser.add_argument("--with-listing", action="store_true", help="also allow `sessions` and `stop --all`")
    add_certificates(parser, "for sessions with")
    arguments.add_place(parser)


def _caller(
    *, flags: settings.Flags, account: str | None, with_listing: bool, certificates: Sequence[str], as_json: bool
) -> int:
    """Print the policy of callers; STS is asked for the account if neither a flag nor an ARN has it."""
    resolved = settings.resolve(flags, os.environ)
    if resolved.is_local:
        raise UsageError("the interpreter 'local' needs no policy", "name the id or ARN of an interpreter on AWS")
    from agentcore_sandbox.account import policies

    resolved = connect_account(resolved).settings if resolved.is_name else resolved
    arn = resolved.interpreter_id
    if not arn.startswith("arn:"):
        arn = policies.interpreter_arn(arn, *arguments.find_place(resolved, account))
    attached = attachments.read((), certificates)
    document = policies.caller(arn, with_listing=with_listing, certificates=attached.certificates)
    Output(as_json=as_json).document(document)
    return 0


SUBCOMMANDS = {
    "trust": Command(
        "Print the trust policy of an execution role: AgentCore may assume it, for this account and region only.",
        arguments.add_place,
        _trust,
        ("agentcore-sandbox policy trust > trust.json",),
    ),
    "execution": Command(
        "Print the policy of an execution role: what code in the sandbox may do, whoever runs it.",
        _add_execution,
        _execution,
        ("agentcore-sandbox policy execution --s3-read arn:aws:s3:::my-bucket",),
    ),
    "caller": Command(
        "Print the policy for those who run code in one interpreter.",
        _add_caller,
        _caller,
        ("agentcore-sandbox policy caller --interpreter-id aws.codeinterpreter.v1",),
    ),
}
