"""Calls of `setup`, and what there is in the pretend account after them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from account.conftest import Account
    from support.control_server import ControlServer
    from support.processes import CommandLine

LOG_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:trail"
ROLE = "BedrockAgentCore-demo-us-east-1"
POLICY_ARN = f"arn:aws:iam::123456789012:policy/{ROLE}-caller"
WORDS = ["demo", "--network", "sandbox", "--logs-group", LOG_GROUP, "--tag", "team=a"]


def set_up(admin: CommandLine, *words: str) -> dict[str, Any]:
    done = admin.run("setup", *(words or WORDS), "--yes", "--json")
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def changes(admin: CommandLine, *words: str) -> list[str]:
    done = admin.run("setup", *(words or WORDS), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    return [item["change"] for item in json.loads(done.stdout)["plan"]]


def names(account: Account, control: ControlServer) -> list[str]:
    """All that there is in the account: empty before a setup and after a teardown."""
    iam = account.client("iam")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    own = [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]]
    return [*roles, *own, *(found["name"] for found in control.interpreters.values())]
