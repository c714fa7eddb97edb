"""Print ready IAM policies: who may assume the execution role, what code may do, what callers may do."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.commands import access
from agentcore_sandbox.commands.connection import connect_account
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

KINDS = {
    "trust": "lets AgentCore assume the execution role, for this account and region only",
    "execution": "what code in the sandbox may do, by --logs-group and the like",
    "caller": "what those need who run code in one interpreter",
}
_ACCOUNT = re.compile(r"[0-9]{12}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `policy`."""
    about = "; ".join(f"{name}: {text}" for name, text in KINDS.items())
    parser.add_argument("kind", choices=KINDS, help=about)
    access.add_arguments(parser)
    parser.add_argument("--interpreter-id", metavar="ID", help="caller: id or ARN of the interpreter")
    parser.add_argument("--with-listing", action="store_true", help="caller: also see sessions")
    group = parser.add_argument_group("which account")
    group.add_argument("--account", metavar="ID", help="trust, caller: 12 digits; without it, STS is asked")
    group.add_argument("--profile", metavar="NAME", help="AWS profile")
    group.add_argument("--region", metavar="NAME", help="AWS region")


def run(*, kind: str, flags: settings.Flags, account: str | None, with_listing: bool, **given: Sequence[str]) -> int:
    """Print one policy document as JSON.

    Args:
        kind: One of `KINDS`.
        flags: Which account, and for caller which interpreter.
        account: The account's id, None to ask STS.
        with_listing: For caller: also allow to list sessions.
        given: The flags of `access.add_arguments`.
    """
    if kind != "execution" and any(given.values()):
        raise UsageError(f"--logs-group and the like are for `policy execution`, not for {kind}")
    if kind != "caller" and (with_listing or flags.interpreter_id):
        raise UsageError(f"--interpreter-id and --with-listing are for `policy caller`, not for {kind}")
    if account and not _ACCOUNT.fullmatch(account):
        raise UsageError(f"not an account id: {account!r}", "it has 12 digits")
    Output().line(json.dumps(_document(kind, flags, account, given, with_listing=with_listing), indent=2))
    return 0


def _document(
    kind: str, flags: settings.Flags, account: str | None, given: dict[str, Sequence[str]], *, with_listing: bool
) -> dict[str, Any]:
    from agentcore_sandbox.account import policies

    if kind == "execution":
        grants = access.read(given)
        if not grants:
            raise UsageError("nothing to allow", f"add one or more of: {', '.join(access.FLAGS)}")
        return policies.execution(grants)
    if kind == "trust":
        partition, region, account = _place(settings.resolve_account(flags, os.environ), account)
        return policies.trust(account, policies.source_arn(partition, region, account))
    return policies.caller(_interpreter_arn(flags, account), with_listing=with_listing)


def _interpreter_arn(flags: settings.Flags, account: str | None) -> str:
    from agentcore_sandbox.account import policies

    resolved = settings.resolve(flags, os.environ)
    if resolved.is_local:
        raise UsageError("the interpreter 'local' needs no policy", "name the id or ARN of an interpreter on AWS")
    if resolved.interpreter_id.startswith("arn:"):
        return resolved.interpreter_id
    return policies.interpreter_arn(resolved.interpreter_id, *_place(resolved, account))


def _place(resolved: settings.Settings, account: str | None) -> tuple[str, str, str]:
    """Partition, region and account; what is not given is found out."""
    connection = connect_account(resolved)
    if account:
        return connection.partition, connection.region, account
    from agentcore_sandbox.account import identity

    caller = identity.identify(connection, resolved)
    return caller.partition, connection.region, caller.account
