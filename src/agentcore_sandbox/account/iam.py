"""The steps that make something in IAM: the execution role, what it may do, and the policy for callers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_sandbox.account.plan import Change, Undo, remove
from agentcore_sandbox.account.policies import INLINE_NAME, OWNER_TAG, ROLE_ABOUT
from agentcore_sandbox.aws.errors import code_of
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from types_boto3_iam import IAMClient

    from agentcore_sandbox.account.policies import Document

MOST_VERSIONS = 5  # IAM's limit on the versions of a managed policy

T = TypeVar("T")


def _found(call: Callable[[], T]) -> T | None:
    """What an IAM call answers, None where the thing is not there."""
    try:
        return call()
    except Exception as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise


def _require_ours(what: str, tags: Sequence[Any]) -> None:
    ours = {"Key": "created-by", "Value": OWNER_TAG["created-by"]}
    if ours not in [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]:
        hint = "take another name; what somebody else made is neither changed nor removed"
        raise AgentcoreSandboxError("NameTaken", f"{what} is there, but setup did not make it", hint)


def _tag_list(tags: Mapping[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in {**tags, **OWNER_TAG}.items()]


@dataclass(frozen=True)
class ExecutionRole:
    """The role that code in the sandbox has.

    Attributes:
        iam: The client.
        name: The role's.
        trust: Who may assume it.
        tags: Besides the one that says who made it.
    """

    iam: IAMClient
    name: str
    trust: Document
    tags: Mapping[str, str]
    about = "only AgentCore can assume it, for this account and region"

    @property
    def what(self) -> str:
        """Kind and name."""
        return f"role {self.name}"

    def _role(self) -> Any:
        answer = _found(lambda: self.iam.get_role(RoleName=self.name))
        if answer is None:
            return None
        _require_ours(self.what, answer["Role"].get("Tags", ()))
        return answer["Role"]

    def look(self) -> Change:
        """Compare the trust policy."""
        role = self._role()
        if role is None:
            return Change.CREATE
        return Change.KEEP if role["AssumeRolePolicyDocument"] == self.trust else Change.UPDATE

    def make(self, change: Change, undo: Undo) -> None:
        """Create the role, or set its trust policy."""
        if change is Change.CREATE:
            with undo.of(self.what, lambda: remove(self)):
                self.iam.create_role(
                    RoleName=self.name,
                    AssumeRolePolicyDocument=json.dumps(self.trust),
                    Description=ROLE_ABOUT,
                    Tags=_tag_list(self.tags),
                )
        else:
            before = self._role()["AssumeRolePolicyDocument"]
            with undo.of(f"the change of {self.what}", lambda: self._set_trust(before)):
                self._set_trust(self.trust)

    def _set_trust(self, document: Document) -> None:
        self.iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(document))

    def exists(self) -> bool:
        """Whether the role is there."""
        return self._role() is not None

    def foreign_policies(self) -> list[str]:
        """Names of what the role may do beside `ExecutionPolicy`, which somebody else has hung on it."""
        if not self.exists():
            return []
        return sorted({*self._inline(), *self._attached()} - {INLINE_NAME})

    def lacking_tags(self) -> list[str]:
        """Tags that are wanted, and that a role which is there does not have."""
        role = self._role()
        there = {tag["Key"]: tag["Value"] for tag in role.get("Tags", ())} if role else self.tags
        return [f"{key}={value}" for key, value in self.tags.items() if there.get(key) != value]

    def _inline(self) -> list[str]:
        return self.iam.list_role_policies(RoleName=self.name)["PolicyNames"]

    def _attached(self) -> list[str]:
        """By ARN."""
        attached = self.iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        return [policy["PolicyArn"] for policy in attached]

    def loss(self) -> str:
        """Its policies."""
        foreign = self.foreign_policies()
        return f"also takes {', '.join(foreign)} from it" if foreign else "no code can use it any more"

    def remove(self) -> None:
        """Remove the role, with what others have hung on it: no interpreter uses it any more."""
        for name in self._inline():
            self.iam.delete_role_policy(RoleName=self.name, PolicyName=name)
        for arn in self._attached():
            self.iam.detach_role_policy(RoleName=self.name, PolicyArn=arn)
        self.iam.delete_role(RoleName=self.name)


@dataclass(frozen=True)
class ExecutionPolicy:
    """What the role may do, as an inline policy: it means nothing without the role.

    Attributes:
        iam: The client.
        role_name: The role's.
        document: The policy; None where code needs no access to AWS.
    """

    iam: IAMClient
    role_name: str
    document: Document | None

    @property
    def what(self) -> str:
        """Kind and name."""
        return f"inline policy {INLINE_NAME} of role {self.role_name}"

    @property
    def about(self) -> str:
        """The actions."""
        statements = self.document["Statement"] if self.document else []
        actions = [action for statement in statements for action in statement["Action"]]
        return f"code may call {', '.join(actions)}" if actions else "none, code may call nothing of AWS"

    def _current(self) -> Any:
        answer = _found(lambda: self.iam.get_role_policy(RoleName=self.role_name, PolicyName=INLINE_NAME))
        return answer and answer["PolicyDocument"]

    def look(self) -> Change:
        """Compare the document."""
        current = self._current()
        if current == self.document:
            return Change.KEEP
        if current is None:
            return Change.CREATE
        return Change.UPDATE if self.document else Change.REMOVE

    def make(self, change: Change, undo: Undo) -> None:
        """Set or remove the document."""
        before = None if change is Change.CREATE else self._current()
        with undo.of(self.what if before is None else f"the change of {self.what}", lambda: self._set(before)):
            self._set(self.document)

    def _set(self, document: Document | None) -> None:
        if document is None:
            _found(lambda: self.iam.delete_role_policy(RoleName=self.role_name, PolicyName=INLINE_NAME))
        else:
            self.iam.put_role_policy(
                RoleName=self.role_name, PolicyName=INLINE_NAME, PolicyDocument=json.dumps(document)
            )

    def exists(self) -> bool:
        """Whether the role has it."""
        return self._current() is not None

    def loss(self) -> str:
        """The actions."""
        return "code may call nothing of AWS"

    def remove(self) -> None:
        """Remove it from the role."""
        self._set(None)


@dataclass(frozen=True)
class CallerPolicy:
    """A managed policy for those who run code.

    Attributes:
        iam: The client.
        name: The policy's.
        arn: The policy's.
        wanted: Gives the document; None while there is no interpreter that it could name.
        tags: Besides the one that says who made it.
    """

    iam: IAMClient
    name: str
    arn: str
    wanted: Callable[[], Document | None]
    tags: Mapping[str, str]
    about = "attach it to those who run code in this interpreter"

    @property
    def what(self) -> str:
        """Kind and name."""
        return f"policy {self.name}"

    def _policy(self) -> Any:
        answer = _found(lambda: self.iam.get_policy(PolicyArn=self.arn))
        if answer is None:
            return None
        _require_ours(self.what, answer["Policy"].get("Tags", ()))
        return answer["Policy"]

    def _versions(self) -> list[Any]:
        """Newest first."""
        return list(self.iam.list_policy_versions(PolicyArn=self.arn)["Versions"])

    def look(self) -> Change:
        """Compare the document."""
        policy = self._policy()
        if policy is None:
            return Change.CREATE
        version = self.iam.get_policy_version(PolicyArn=self.arn, VersionId=policy["DefaultVersionId"])
        return Change.KEEP if version["PolicyVersion"]["Document"] == self.wanted() else Change.UPDATE

    def make(self, change: Change, undo: Undo) -> None:
        """Create the policy, or give it a new version."""
        document = json.dumps(self.wanted())
        if change is Change.CREATE:
            with undo.of(self.what, lambda: remove(self)):
                self.iam.create_policy(PolicyName=self.name, PolicyDocument=document, Tags=_tag_list(self.tags))
        else:
            self._make_room()
            before = self._policy()["DefaultVersionId"]
            with undo.of(f"the change of {self.what}", lambda: self._go_back(before)):
                self.iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=document, SetAsDefault=True)

    def _make_room(self) -> None:
        versions = [version for version in self._versions() if not version["IsDefaultVersion"]]
        if len(versions) >= MOST_VERSIONS - 1:
            oldest = min(versions, key=lambda version: version["CreateDate"])
            self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=oldest["VersionId"])

    def _go_back(self, before: str) -> None:
        made = self._policy()["DefaultVersionId"]
        if made != before:
            self.iam.set_default_policy_version(PolicyArn=self.arn, VersionId=before)
            self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=made)

    def _holders(self) -> list[tuple[str, str]]:
        """Kind and name of all who have it."""
        found = []
        for page in self.iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=self.arn):
            found += [("user", user["UserName"]) for user in page["PolicyUsers"]]
            found += [("group", group["GroupName"]) for group in page["PolicyGroups"]]
            found += [("role", role["RoleName"]) for role in page["PolicyRoles"]]
        return found

    def _detach(self, kind: str, name: str) -> None:
        if kind == "user":
            self.iam.detach_user_policy(UserName=name, PolicyArn=self.arn)
        elif kind == "group":
            self.iam.detach_group_policy(GroupName=name, PolicyArn=self.arn)
        else:
            self.iam.detach_role_policy(RoleName=name, PolicyArn=self.arn)

    def exists(self) -> bool:
        """Whether the policy is there."""
        return self._policy() is not None

    def loss(self) -> str:
        """Who has it."""
        holders = [f"{kind} {name}" for kind, name in self._holders()]
        return f"taken from {', '.join(holders)}" if holders else "nobody has it"

    def remove(self) -> None:
        """Detach the policy from all who have it, and remove it: its interpreter goes too."""
        for kind, name in self._holders():
            self._detach(kind, name)
        for version in self._versions():
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=version["VersionId"])
        self.iam.delete_policy(PolicyArn=self.arn)
