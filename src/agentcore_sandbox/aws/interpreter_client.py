"""Interpreters over the control plane: create, get, list, delete, waiting for either, and tags.

Operations, states and limits are those of botocore's model of bedrock-agentcore-control.
"""

from __future__ import annotations

import time
import uuid
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.api import READY
from agentcore_sandbox.aws import attachments
from agentcore_sandbox.aws.attachments import NOTHING, Attachments
from agentcore_sandbox.aws.connect import all_pages
from agentcore_sandbox.aws.errors import code_of, translated
from agentcore_sandbox.aws.interpreters import Interpreter, Network
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from types_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

    from agentcore_sandbox.aws.connect import Connection

CREATING, DELETING, DELETED = "CREATING", "DELETING", "DELETED"
UNDER_WAY = (CREATING, DELETING)
WAIT_SECONDS = 900.0  # network interfaces in a VPC take minutes
ROLE_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
FIRST_QUIET = 10.0  # seconds until the user is told that the state is still the same; doubled each time


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

    @property
    def interpreter_id(self) -> str:
        """The id of the interpreter that was asked for, also where its ARN or name was given."""
        return self._settings.plain_id

    def create(
        self,
        name: str,
        network: Network,
        *,
        role: str | None,
        tags: Mapping[str, str],
        attached: Attachments = NOTHING,
        new_role: bool = False,
    ) -> str:
        """Start to create an interpreter and return its id.

        Args:
            name: A letter, then up to 47 letters, digits and underscores.
            network: What it can reach.
            role: ARN of the execution role.
            tags: At most 50.
            attached: What each session has.
            new_role: The role has just been created: retry while the service does not know it yet.
        """
        request: dict[str, Any] = {"name": name, "networkConfiguration": network.configuration(), **attached.members()}
        request |= {"executionRoleArn": role} if role else {}
        # One token for all attempts: an answer that is lost does not lead to a second interpreter.
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
            with gate.opened():  # nothing is created yet
                time.sleep(1)

    def get(self, interpreter_id: str) -> Interpreter:
        """Get an interpreter.

        Raises:
            AgentcoreSandboxError: `UnknownInterpreter`, or the request failed.
        """
        with translated(self._settings):
            answer = self._client.get_code_interpreter(codeInterpreterId=interpreter_id)
            found = _interpreter(answer, _network(answer["networkConfiguration"]))
            return replace(found, attachments=attachments.of(answer))

    def all(self, kind: str | None = None) -> Iterator[Interpreter]:
        """List the interpreters, of all pages; `kind` is SYSTEM, CUSTOM or None for both."""
        request: dict[str, Any] = {"maxResults": 100, **({"type": kind} if kind else {})}

        def get_page(token: dict[str, Any]) -> tuple[list[Interpreter], str | None]:
            with translated(self._settings):
                page = self._client.list_code_interpreters(**request, **token)
                return [_interpreter(item) for item in page["codeInterpreterSummaries"]], page.get("nextToken")

        return all_pages(get_page)

    def find(self, name: str) -> Interpreter | None:
        """The interpreter with a name, which it keeps while it is being deleted."""
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

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of an interpreter that was created, by its ARN."""
        with translated(self._settings):
            answer = self._client.list_tags_for_resource(resourceArn=arn)
        return {str(key): str(value) for key, value in answer.get("tags", {}).items()}

    def change_tags(self, arn: str, put: Mapping[str, str], remove: Sequence[str]) -> None:
        """Put tags on an interpreter, a new value for a key that is there, and remove those with other keys."""
        with translated(self._settings):
            if put:
                self._client.tag_resource(resourceArn=arn, tags=put)
            if remove:
                self._client.untag_resource(resourceArn=arn, tagKeys=remove)

    def delete(self, interpreter_id: str) -> None:
        """Start to delete an interpreter.

        Raises:
            AgentcoreSandboxError: `UnknownInterpreter`, or the request failed.
        """
        with translated(self._settings):
            self._client.delete_code_interpreter(codeInterpreterId=interpreter_id, clientToken=str(uuid.uuid4()))

    def remove(
        self,
        interpreter_id: str,
        tell: Callable[[str], None],
        *,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Delete an interpreter and wait until it is gone, also one that is still being created or deleted.

        Args:
            interpreter_id: The interpreter.
            tell: Is given each new state.
            waiting: Around each wait, such as one that may be interrupted.

        Raises:
            AgentcoreSandboxError: `DeleteFailed`, `NoAnswer` after 15 minutes, or a request failed.
        """
        try:
            with waiting():
                found = next((each for each in self._states(interpreter_id, tell) if each.status != CREATING), None)
            if found is None:
                raise _still(interpreter_id, CREATING)
            if found.status not in (DELETING, DELETED):
                self._delete_once(interpreter_id)
            with waiting():
                self.wait_until_gone(interpreter_id, tell)
        except AgentcoreSandboxError as error:
            if error.code != "UnknownInterpreter":  # another process has deleted it
                raise

    def _delete_once(self, interpreter_id: str) -> None:
        try:
            self.delete(interpreter_id)
        except AgentcoreSandboxError as error:
            if error.code != "Conflict" or self.get(interpreter_id).status not in (DELETING, DELETED):
                raise

    def wait_until_ready(self, interpreter_id: str, tell: Callable[[str], None]) -> Interpreter:
        """Wait until an interpreter is created; `tell` is given each new state.

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
        raise _still(interpreter_id, "not READY")

    def wait_until_gone(self, interpreter_id: str, tell: Callable[[str], None]) -> None:
        """Wait until an interpreter is deleted; `tell` is given each new state.

        Raises:
            AgentcoreSandboxError: `DeleteFailed` with the service's reason, or `NoAnswer` after 15 minutes.
        """
        try:
            last = next((found for found in self._states(interpreter_id, tell) if found.status != DELETING), None)
        except AgentcoreSandboxError as error:
            if error.code == "UnknownInterpreter":
                return
            raise
        if last is None:
            raise _still(interpreter_id, "not gone")
        if last.status != DELETED:
            hint = f"look at it: agentcore-sandbox interpreter show {interpreter_id}"
            reason = last.failure or "the service gave no reason"
            raise AgentcoreSandboxError("DeleteFailed", f"{interpreter_id} is {last.status}: {reason}", hint)

    def _states(self, interpreter_id: str, tell: Callable[[str], None]) -> Iterator[Interpreter]:
        """Poll more and more slowly; tell each new state, and now and then that there is none."""
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


def _still(interpreter_id: str, state: str) -> AgentcoreSandboxError:
    hint = f"look again later: agentcore-sandbox interpreter show {interpreter_id}"
    return AgentcoreSandboxError("NoAnswer", f"{interpreter_id} is {state} after {WAIT_SECONDS:.0f} seconds", hint)


def _blames_the_role(error: Exception) -> bool:
    """Whether the service does not know a new role yet; its message is assumed."""
    text = str(error).lower()
    return code_of(error) in ("ValidationException", "AccessDeniedException") and "role" in text and "assume" in text


def _network(answer: Mapping[str, Any]) -> Network:
    vpc = answer.get("vpcConfig") or {}
    subnets, groups = (tuple(map(str, vpc.get(key) or ())) for key in ("subnets", "securityGroups"))
    return Network(str(answer["networkMode"]), subnets, groups)


def _interpreter(answer: Mapping[str, Any], network: Network | None = None) -> Interpreter:
    interpreter_id = str(answer["codeInterpreterId"])
    return Interpreter(
        interpreter_id=interpreter_id,
        arn=str(answer["codeInterpreterArn"]),
        name=str(answer.get("name") or interpreter_id.rpartition("-")[0] or interpreter_id),
        status=str(answer["status"]),
        created_at=answer["createdAt"],
        network=network,
        role=answer.get("executionRoleArn"),
        failure=str(answer.get("failureReason") or ""),
    )
