"""Make in an AWS account what is needed to run code: an execution role, an interpreter, a policy for callers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import settings
from agentcore_sandbox.account import arguments
from agentcore_sandbox.aws.connect import connect_account
from agentcore_sandbox.cli import questions
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_account
from agentcore_sandbox.cli.signals import Interrupted
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.account.blueprint import Blueprint, Place
    from agentcore_sandbox.account.steps import Steps
    from agentcore_sandbox.aws.interpreters import Network

EXAMPLES = (
    "agentcore-sandbox setup demo --network sandbox --dry-run",
    "agentcore-sandbox setup demo --network public --s3-read arn:aws:s3:::my-bucket",
    "agentcore-sandbox setup demo --teardown",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `setup`."""
    arguments.add_blueprint(parser)
    parser.add_argument("--teardown", action="store_true", help="remove what an earlier setup made under this name")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_account(parser)


def run(
    *, flags: settings.Flags, name: str, teardown: bool, dry_run: bool, yes: bool, as_json: bool, **given: Any
) -> int:
    """Show the plan, ask, and carry it out; what was created is undone when a step fails."""
    output = Output(as_json=as_json)
    arguments.read_name(name, longest=arguments.LONGEST_SETUP_NAME)
    if teardown and any(given.values()):
        raise UsageError("--teardown takes a name, and none of the flags that say what to make")
    if not teardown and not yes:
        given["network"] = given["network"] or arguments.ask_network(output)
    blueprint = _blueprint(name, given, teardown=teardown)
    work = _Work(output, flags, settings.resolve_account(flags, os.environ), blueprint)
    if teardown:
        work.tear_down(dry_run=dry_run, yes=yes)
    else:
        work.set_up(dry_run=dry_run, yes=yes, check=not given["no_network_check"])
    return 0


def _blueprint(name: str, given: dict[str, Any], *, teardown: bool) -> Blueprint:
    network = None if teardown else arguments.read_network(given)
    return arguments.blueprint(name, network, given)


class _Work:
    """One run of the command, connected to the account."""

    def __init__(
        self, output: Output, flags: settings.Flags, resolved: settings.Settings, blueprint: Blueprint
    ) -> None:
        self._output = output
        self._flags = flags
        self._settings = resolved
        self._blueprint = blueprint
        self._connection = connect_account(resolved)
        self._place = self._find_place()
        self._steps = self._make_steps()

    def _find_place(self) -> Place:
        from agentcore_sandbox.account.blueprint import Place
        from agentcore_sandbox.account.identity import identify

        return Place(identify(self._connection), self._connection.region)

    def _make_steps(self) -> Steps:
        from agentcore_sandbox.account.steps import steps

        return steps(self._blueprint, self._place, self._connection, self._output.say)

    def set_up(self, *, dry_run: bool, yes: bool, check: bool) -> None:
        from agentcore_sandbox.account import plan

        network = self._blueprint.network
        if network and network.mode == "VPC" and check:
            self._check(network)
        found = plan.compare(self._steps.all(), self._settings)
        self._show([(change.value, step.label, step.purpose) for step, change in found], dry_run=dry_run)
        self._warn(network)
        if dry_run:
            return
        if any(change.is_one for _, change in found):
            questions.confirm(self._output, "make these changes", yes=yes)
            plan.apply(self._blueprint.name, found, self._settings, self._output.say)
        self._tell_result()

    def _warn(self, network: Network | None) -> None:
        from agentcore_sandbox.aws.errors import translated

        if network and network.mode == "PUBLIC":
            self._output.say(f"warning: {arguments.PUBLIC_WARNING}")
        with translated(self._settings):
            foreign, lacking = self._steps.role.foreign_policies(), self._steps.role.lacking_tags()
        what = self._steps.role.label
        if foreign:
            self._output.say(f"warning: {what} also has {', '.join(foreign)}, which setup did not create and will keep")
        if lacking:
            self._output.say(f"warning: {what} exists without {', '.join(lacking)}: setup tags only what it creates")

    def _check(self, network: Network) -> None:
        from agentcore_sandbox.account import networks, policies

        services = {policies.ACCESS[grant.access].endpoint for grant in self._blueprint.grants}
        for warning in networks.check(network, services, self._blueprint.attached.mounts, self._connection):
            self._output.say(f"warning: {warning}")

    def tear_down(self, *, dry_run: bool, yes: bool) -> None:
        from agentcore_sandbox.account import plan
        from agentcore_sandbox.aws.errors import translated

        remove = plan.Change.REMOVE.value
        with translated(self._settings):
            there = [step for step in reversed(self._steps.all()) if step.exists()]
            found = [(remove, step.label, step.effect_of_removal()) for step in there]
        self._show(found, dry_run=dry_run)
        if dry_run:
            return
        if found:
            questions.confirm(self._output, "remove these for good", yes=yes)
            try:
                plan.tear_down(self._steps.all(), self._settings, self._output.say)
            except Interrupted:
                self._output.say("not everything is removed; run the same command again to continue")
                raise
        if self._output.as_json:
            self._output.data({"removed": [what for _, what, _ in found]})
        else:
            self._output.line("nothing is left" if found else "nothing to remove")

    def _show(self, found: Sequence[tuple[str, str, str]], *, dry_run: bool) -> None:
        """Print the plan, of change, what and about: it is what a dry run is for, and else goes before the question."""
        identity = self._place.identity
        if self._output.as_json and dry_run:
            plan = [{"change": change, "resource": what, "about": about} for change, what, about in found]
            self._output.data({"account": identity.account, "region": self._place.region, "plan": plan})
            return
        tell = self._output.line if dry_run else self._output.say
        tell(f"account {identity.account}, region {self._place.region}, as {identity.arn}")
        for change, what, about in found:
            tell(f"  {change:<6} {what}: {about}")

    def _tell_result(self) -> None:
        made = self._steps.interpreter.find()
        if made is None:
            message = f"{self._steps.interpreter.label} was removed in the meantime"
            raise AgentcoreSandboxError("UnknownInterpreter", message, "run setup again")
        from agentcore_sandbox.aws import interpreter_names

        interpreter_names.remember(self._connection, made.name, made.interpreter_id)
        policy = self._steps.caller.arn
        if self._output.as_json:
            result = {"interpreterId": made.interpreter_id, "interpreterArn": made.arn, "roleArn": made.role}
            self._output.data({**result, "callerPolicyArn": policy})
            return
        self._output.line(made.interpreter_id)
        self._output.say("give those who run code the policy for callers, for example:")
        self._output.say(f"  aws iam attach-user-policy --user-name NAME --policy-arn {policy}")
        self._output.say("to use the interpreter in a shell, or in Claude Code:")
        for line in arguments.usage_lines(made.interpreter_id, self._flags._replace(region=self._place.region)):
            self._output.say(f"  {line}")
