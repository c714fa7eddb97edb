"""Interpreters over the control plane: create, get, list, delete, and waiting for either.

Operations, states and limits are those of botocore's model of bedrock-agentcore-control.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import READY
from agentcore_sandbox.aws.errors import code_of, translated
from agentcore_sandbox.aws.interpreters import Interpreter, Network
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from types_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

    from agentcore_sandbox.aws.connect import Connection

CREATING, DELETING, DELETED = "CREATING", "DELETING", "DELETED"
UNDER_WAY = (CREATING, DELETING)
WAIT_SECONDS = 900.0  # network interfaces in a VPC take minutes
ROLE_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
FIRST_QUIET = 10.0  # seconds without news until it is said that there are none; then twice as long, and so on


class InterpreterClient:
    """The interpreters of an account in a region.

    Args:
        connection: Credentials and endpoint.

    Raises:
        AgentcoreSandboxError: No client can be made.
    """

    def __init__(self, connection: Connection) -> None:
        self._settings = connection.settings
        with translated(self._settings):
            self._client: BedrockAgentCoreControlClient = connection.client("bedrock-agentcore-control")

    def create(
        self, name: str, network: Network, *, role: str | None, tags: Mapping[str, str], new_role: bool = False
    ) -> str:
        """Begin to create an interpreter.

        Args:
            name: A letter, then up to 47 letters, digits and underscores.
            network: What it can reach.
            role: ARN of the execution role.
            tags: At most 50.
            new_role: The role was made a moment ago: try again while the service does not know it yet.

        Returns:
            The interpreter's id.
        """
        request: dict[str, Any] = {"name": name, "networkConfiguration": network.configuration()}
        request |= {"executionRoleArn": role} if role else {}
        # One token for all attempts, so that a lost answer does not leave a second interpreter behind.
        request |= {"tags": dict(tags), "clientToken": str(uuid.uuid4())}
        with translated(self._settings):
            return self._create(request, ROLE_SECONDS if new_role else 0.0)

    def _create(self, request: Mapping[str, Any], patience: float) -> str:
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._client.create_code_interpreter(**request)["codeInterpreterId"]
            except Exception as error:
                if not _blames_the_role(error) or time.monotonic() > deadline:
                    raise
            with gate.opened():  # nothing is made yet
                time.sleep(1)

    def get(self, interpreter_id: str) -> Interpreter:
        """Look at an interpreter.

        Raises:
            AgentcoreSandboxError: `UnknownInterpreter`, or the service said no.
        """
        with translated(self._settings):
            answer = self._client.get_code_interpreter(codeInterpreterId=interpreter_id)
        return _interpreter(answer, _network(answer["networkConfiguration"]))

    def all(self, kind: str | None = None) -> Iterator[Interpreter]:
        """All pages of the interpreters.

        Args:
            kind: SYSTEM or CUSTOM; None for both.
        """
        request: dict[str, Any] = {"maxResults": 100, **({"type": kind} if kind else {})}
        while True:
            with translated(self._settings):
                page = self._client.list_code_interpreters(**request)
            yield from map(_interpreter, page["codeInterpreterSummaries"])
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def find(self, name: str) -> Interpreter | None:
        """Look for the interpreter with a name, also for one that is being deleted and still has it."""
        for found in self.all("CUSTOM"):
            if found.name == name and found.status != DELETED:
                return self._get_if_there(found.interpreter_id)
        return None

    def _get_if_there(self, interpreter_id: str) -> Interpreter | None:
        try:
            return self.get(interpreter_id)
        except AgentcoreSandboxError as error:
            if error.code == "UnknownInterpreter":
                return None
            raise

    def delete(self, interpreter_id: str) -> None:
        """Begin to delete an interpreter.

        Raises:
            AgentcoreSandboxError: `UnknownInterpreter`, or the service said no.
        """
        with translated(self._settings):
            self._client.delete_code_interpreter(codeInterpreterId=interpreter_id, clientToken=str(uuid.uuid4()))

    def wait_until_ready(self, interpreter_id: str, tell: Callable[[str], None]) -> Interpreter:
        """Wait for the end of a create.

        Args:
            interpreter_id: What `create` returned.
            tell: Is given each new state.

        Raises:
            AgentcoreSandboxError: `CreateFailed` with the service's reason, or `NoAnswer` after 15 minutes.
        """
        for found in self._states(interpreter_id, tell):
            if found.status == READY:
                return found
            if found.status != CREATING:
                hint = f"remove what is left of it: agentcore-sandbox interpreter delete {interpreter_id}"
                reason = found.failure or "the service gave no reason"
                raise AgentcoreSandboxError("CreateFailed", f"{interpreter_id} is {found.status}: {reason}", hint)
        hint = f"look again later: agentcore-sandbox interpreter show {interpreter_id}"
        raise AgentcoreSandboxError("NoAnswer", f"{interpreter_id} is not READY after {WAIT_SECONDS:.0f} seconds", hint)

    def wait_until_gone(self, interpreter_id: str, tell: Callable[[str], None]) -> None:
        """Wait for the end of a delete.

        Args:
            interpreter_id: What was deleted.
            tell: Is given each new state.

        Raises:
            AgentcoreSandboxError: `DeleteFailed` with the service's reason, or `NoAnswer` after 15 minutes.
        """
        try:
            last = next((found for found in self._states(interpreter_id, tell) if found.status != DELETING), None)
        except AgentcoreSandboxError as error:
            if error.code == "UnknownInterpreter":
                return
            raise
        hint = f"look at it: agentcore-sandbox interpreter show {interpreter_id}"
        if last is None:
            message = f"{interpreter_id} is not gone after {WAIT_SECONDS:.0f} seconds"
            raise AgentcoreSandboxError("NoAnswer", message, hint)
        if last.status != DELETED:
            reason = last.failure or "the service gave no reason"
            raise AgentcoreSandboxError("DeleteFailed", f"{interpreter_id} is {last.status}: {reason}", hint)

    def _states(self, interpreter_id: str, tell: Callable[[str], None]) -> Iterator[Interpreter]:
        """Look again and again, ever more slowly, and tell what changes, or now and then that nothing does."""
        started, pause, last, quiet = time.monotonic(), FIRST_PAUSE, "", FIRST_QUIET
        while (waited := time.monotonic() - started) < WAIT_SECONDS:
            found = self.get(interpreter_id)
            if found.status != last:
                tell(f"{interpreter_id} is {found.status}")
                last = found.status
            elif waited >= quiet:
                tell(f"{interpreter_id} is still {found.status} after {waited:.0f} seconds")
                quiet *= 2
            yield found
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)


def _blames_the_role(error: Exception) -> bool:
    """Whether this is what the service says of a role that IAM has not spread yet; the words are assumed."""
    text = str(error).lower()
    return code_of(error) in ("ValidationException", "AccessDeniedException") and "role" in text and "assume" in text


def _network(answer: Mapping[str, Any]) -> Network:
    vpc = answer.get("vpcConfig") or {}
    return Network(answer["networkMode"], tuple(vpc.get("subnets", ())), tuple(vpc.get("securityGroups", ())))


def _interpreter(answer: Mapping[str, Any], network: Network | None = None) -> Interpreter:
    interpreter_id = answer["codeInterpreterId"]
    return Interpreter(
        interpreter_id=interpreter_id,
        arn=answer["codeInterpreterArn"],
        name=answer.get("name") or interpreter_id.rpartition("-")[0] or interpreter_id,
        status=answer["status"],
        created_at=answer["createdAt"],
        network=network,
        role=answer.get("executionRoleArn"),
        failure=answer.get("failureReason") or "",
    )
