"""The steps of `setup`: execution role, its inline policy, interpreter, caller policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.account import policies
from agentcore_sandbox.account.iam import CallerPolicy, ExecutionPolicy, ExecutionRole, not_ours
from agentcore_sandbox.account.plan import Change, Step, Undo
from agentcore_sandbox.api import READY
from agentcore_sandbox.aws.attachments import NOTHING
from agentcore_sandbox.aws.errors import translated
from agentcore_sandbox.aws.interpreter_client import UNDER_WAY, InterpreterClient
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentcore_sandbox.account.blueprint import Blueprint, Place
    from agentcore_sandbox.account.policies import Document
    from agentcore_sandbox.aws.connect import Connection
    from agentcore_sandbox.aws.interpreters import Interpreter, Network


@dataclass(frozen=True)
class InterpreterStep:
    """The interpreter. It cannot be changed, only replaced."""

    control: InterpreterClient
    blueprint: Blueprint
    role_arn: str
    tell: Callable[[str], None]

    @property
    def label(self) -> str:
        """Kind and name."""
        return f"interpreter {self.blueprint.name}"

    @property
    def purpose(self) -> str:
        """The network mode, and what is attached."""
        network, attached = self.blueprint.network, self.blueprint.attached
        mode = f"network {network.mode}" if network else ""
        return ", ".join([mode, *(mount.path for mount in attached.mounts), *attached.certificates])

    def find(self) -> Interpreter | None:
        """The interpreter with that name.

        Raises:
            AgentcoreSandboxError: `NameTaken`: it has another role, so `setup` did not create it.
        """
        found = self.control.find(self.blueprint.name)
        if found and found.role != self.role_arn:
            raise not_ours(self.label)
        return found

    def compare(self) -> Change:
        """Compare network, what is attached, and state."""
        found = self.find()
        if found is None:
            return Change.CREATE
        if found.status != READY or not self._is_like(found):
            attached = sum(map(len, (found.attachments or NOTHING).described().values()))
            more = f" and {attached} mounts and certificates" if attached or self.blueprint.attached.members() else ""
            network = found.network and found.network.mode
            message = f"{found.interpreter_id} is {found.status} with network {network}{more}"
            remedy = f"remove it (`agentcore-sandbox setup {self.blueprint.name} --teardown`), or choose another name"
            hint = "wait until that is finished" if found.status in UNDER_WAY else remedy
            raise AgentcoreSandboxError("CannotChange", message, hint)
        return Change.KEEP

    def _is_like(self, found: Interpreter) -> bool:
        is_attached = self.blueprint.attached.is_like(found.attachments or NOTHING)
        return is_attached and _same(found.network, self.blueprint.network)

    def apply(self, change: Change, undo: Undo) -> None:
        """Create it and wait until it is READY."""
        if change is not Change.CREATE or self.blueprint.network is None:
            raise ValueError(change)
        tags = {**self.blueprint.tags, **policies.OWNER_TAG}
        made: str | None = None
        with undo.of(self.label, lambda: self._take_back(made)):
            made = self.control.create(
                self.blueprint.name,
                self.blueprint.network,
                role=self.role_arn,
                tags=tags,
                attached=self.blueprint.attached,
                new_role=True,
            )
        with gate.opened():
            self.control.wait_until_ready(made, self.tell)

    def _take_back(self, made: str | None) -> bool:
        if made is None and (found := self.find()):  # the answer was lost
            made = found.interpreter_id
        if made is None:
            return False
        self.control.remove(made, self.tell)
        return True

    def exists(self) -> bool:
        """Whether it exists."""
        return self.find() is not None

    def effect_of_removal(self) -> str:
        """Its sessions."""
        return "ends all its sessions"

    def remove(self) -> None:
        """Delete it and wait until it is gone."""
        if found := self.find():
            self.control.remove(found.interpreter_id, self.tell, waiting=gate.opened)


def _same(one: Network | None, other: Network | None) -> bool:
    first, second = (each and (each.mode, set(each.subnets), set(each.security_groups)) for each in (one, other))
    return first == second


@dataclass(frozen=True)
class Steps:
    """The steps of a blueprint."""

    role: ExecutionRole
    permissions: ExecutionPolicy
    interpreter: InterpreterStep
    caller: CallerPolicy

    def all(self) -> list[Step]:
        """In the order in which they are applied."""
        return [self.role, self.permissions, self.interpreter, self.caller]


def steps(blueprint: Blueprint, place: Place, connection: Connection, tell: Callable[[str], None]) -> Steps:
    """The steps of a blueprint; sends no request yet. `tell` is given each state of the interpreter."""
    with translated(connection.settings):
        iam = connection.client("iam")
    role_name, policy_name = place.role_name(blueprint.name), place.policy_name(blueprint.name)
    source = policies.source_arn(place.identity.partition, place.region, place.identity.account)
    interpreter = InterpreterStep(InterpreterClient(connection), blueprint, place.iam_arn(f"role/{role_name}"), tell)
    return Steps(
        ExecutionRole(iam, role_name, policies.trust(place.identity.account, source), blueprint.tags),
        ExecutionPolicy(iam, role_name, blueprint.execution_policy()),
        interpreter,
        CallerPolicy(
            iam,
            policy_name,
            place.iam_arn(f"policy/{policy_name}"),
            lambda: _caller_document(interpreter),
            blueprint.tags,
        ),
    )


def _caller_document(interpreter: InterpreterStep) -> Document | None:
    found = interpreter.find()
    return interpreter.blueprint.caller_policy(found.arn) if found else None
