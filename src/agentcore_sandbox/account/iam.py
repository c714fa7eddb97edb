"""The steps of `setup` in IAM: the execution role, its inline policy, and the caller policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from agentcore_sandbox.account.plan import Change, Undo, remove
from agentcore_sandbox.account.policies import INLINE_NAME, OWNER_TAG, ROLE_ABOUT, tag_list
from agentcore_sandbox.aws.errors import code_of
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from types_boto3_iam import IAMClient

    from agentcore_sandbox.account.policies import Document

MAX_VERSIONS = 5  # of a managed policy: IAM's quota

T = TypeVar("T")


def _found(call: Callable[[], T]) -> T | None:
    """What an IAM call returns, None where the resource does not exist."""
    try:
        return call()
    except Exception as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise


def _require_ours(what: str, tags: Sequence[Any]) -> None:
    ours = {"Key": "created-by", "Value": OWNER_TAG["created-by"]}
    if ours not in [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]:
        raise not_ours(what)


def not_ours(label: str) -> AgentcoreSandboxError:
    """The error for a resource that somebody else created."""
    hint = "choose another name; setup neither changes nor removes what it did not create"
    return AgentcoreSandboxError("NameTaken", f"{label} already exists, but setup did not create it", hint)


@dataclass(frozen=True)
class ExecutionRole:
    """The role that code in the sandbox runs with; its trust policy says who may assume it."""

    iam: IAMClient
    name: str
    trust: Document
    tags: Mapping[str, str]
    purpose = "only AgentCore can assume it, for this account and region"

    @property
    def label(self) -> str:
        """Kind and name."""
        return f"role {self.name}"

    def _role(self) -> Any:
        answer = _found(lambda: self.iam.get_role(RoleName=self.name))
        if answer is None:
            return None
        _require_ours(self.label, answer["Role"].get("Tags", ()))
        return answer["Role"]

    def compare(self) -> Change:
        """Compare the trust policy."""
        role = self._role()
        if role is None:
            return Change.CREATE
        return Change.KEEP if role["AssumeRolePolicyDocument"] == self.trust else Change.UPDATE

    def apply(self, change: Change, undo: Undo) -> None:
        """Create the role, or set its trust policy."""
        if change is Change.CREATE:
            with undo.of(self.label, lambda: remove(self)):
                self.iam.create_role(
                    RoleName=self.name,
                    AssumeRolePolicyDocument=json.dumps(self.trust),
                    Description=ROLE_ABOUT,
                    Tags=tag_list(self.tags),
                )
        else:
            before = self._role()["AssumeRolePolicyDocument"]
            with undo.of(f"the change of {self.label}", lambda: self._set_trust(before)):
                self._set_trust(self.trust)

    def _set_trust(self, document: Document) -> None:
        self.iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(document))

    def exists(self) -> bool:
        """Whether the role exists."""
        return self._role() is not None

    def foreign_policies(self) -> list[str]:
        """Policies of the role that `setup` did not add to it."""
        if not self.exists():
            return []
        return sorted({*self._inline(), *self._attached()} - {INLINE_NAME})

    def lacking_tags(self) -> list[str]:
        """Requested tags that an existing role lacks."""
        role = self._role()
        there = {tag["Key"]: tag["Value"] for tag in role.get("Tags", ())} if role else self.tags
        return [f"{key}={value}" for key, value in self.tags.items() if there.get(key) != value]

    def _inline(self) -> list[str]:
        return self.iam.list_role_policies(RoleName=self.name)["PolicyNames"]

    def _attached(self) -> list[str]:
        """ARNs."""
        attached = self.iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        return [policy["PolicyArn"] for policy in attached]

    def effect_of_removal(self) -> str:
        """Its policies."""
        foreign = self.foreign_policies()
        return f"also detaches {', '.join(foreign)}" if foreign else "code can no longer use it"

    def remove(self) -> None:
        """Remove the role and all its policies: no interpreter uses it any more."""
        for name in self._inline():
            self.iam.delete_role_policy(RoleName=self.name, PolicyName=name)
        for arn in self._attached():
            self.iam.detach_role_policy(RoleName=self.name, PolicyArn=arn)
        self.iam.delete_role(RoleName=self.name)


@dataclass(frozen=True)
class ExecutionPolicy:
    """What the role may do, as an inline policy; `document` is None where code needs no access to AWS."""

    iam: IAMClient
    role_name: str
    document: Document | None

    @property
    def label(self) -> str:
        """Kind and name."""
        return f"inline policy {INLINE_NAME} of role {self.role_name}"

    @property
    def purpose(self) -> str:
        """The actions."""
        statements = self.document["Statement"] if self.document else []
        actions = [action for statement in statements for action in statement["Action"]]
        return f"code may call {', '.join(actions)}" if actions else "code may not call AWS"

    def _current(self) -> Any:
        answer = _found(lambda: self.iam.get_role_policy(RoleName=self.role_name, PolicyName=INLINE_NAME))
        return answer and answer["PolicyDocument"]

    def compare(self) -> Change:
        """Compare the document."""
        current = self._current()
        if current == self.document:
            return Change.KEEP if self.document else Change.NONE
        if current is None:
            return Change.CREATE
        return Change.UPDATE if self.document else Change.REMOVE

    def apply(self, change: Change, undo: Undo) -> None:
        """Set or remove the document."""
        before = None if change is Change.CREATE else self._current()
        with undo.of(self.label if before is None else f"the change of {self.label}", lambda: self._set(before)):
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

    def effect_of_removal(self) -> str:
        """The actions."""
        return "code may no longer call AWS"

    def remove(self) -> None:
        """Remove it from the role."""
        self._set(None)


@dataclass(frozen=True)
class CallerPolicy:
    """A managed policy for those who run code.

    Attributes:
        wanted: Returns the document; None while there is no interpreter to name in it.
    """

    iam: IAMClient
    name: str
    arn: str
    wanted: Callable[[], Document | None]
    tags: Mapping[str, str]
    purpose = "attach it to those who run code in this interpreter"

    @property
    def label(self) -> str:
        """Kind and name."""
        return f"policy {self.name}"

    def _policy(self) -> Any:
        answer = _found(lambda: self.iam.get_policy(PolicyArn=self.arn))
        if answer is None:
            return None
        _require_ours(self.label, answer["Policy"].get("Tags", ()))
        return answer["Policy"]

    def _versions(self) -> list[Any]:
        """Newest first."""
        return list(self.iam.list_policy_versions(PolicyArn=self.arn)["Versions"])

    def compare(self) -> Change:
        """Compare the document."""
        policy = self._policy()
        if policy is None:
            return Change.CREATE
        version = self.iam.get_policy_version(PolicyArn=self.arn, VersionId=policy["DefaultVersionId"])
        return Change.KEEP if version["PolicyVersion"]["Document"] == self.wanted() else Change.UPDATE

    def apply(self, change: Change, undo: Undo) -> None:
        """Create the policy, or give it a new version."""
        document = json.dumps(self.wanted())
        if change is Change.CREATE:
            with undo.of(self.label, lambda: remove(self)):
                self.iam.create_policy(PolicyName=self.name, PolicyDocument=document, Tags=tag_list(self.tags))
        else:
            self._make_room()
            before = self._policy()["DefaultVersionId"]
            with undo.of(f"the change of {self.label}", lambda: self._go_back(before)):
                self.iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=document, SetAsDefault=True)

    def _make_room(self) -> None:
        versions = [version for version in self._versions() if not version["IsDefaultVersion"]]
        if len(versions) >= MAX_VERSIONS - 1:
            oldest = min(versions, key=lambda version: version["CreateDate"])
            self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=oldest["VersionId"])

    def _go_back(self, before: str) -> None:
        made = self._policy()["DefaultVersionId"]
        if made != before:
            self.iam.set_default_policy_version(PolicyArn=self.arn, VersionId=before)
            self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=made)

    def _holders(self) -> list[tuple[str, str]]:
        """Kind (User, Group or Role) and name of everyone it is attached to."""
        pages: Any = self.iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=self.arn)
        kinds = [(page, kind) for page in pages for kind in ("User", "Group", "Role")]
        return [(kind, holder[f"{kind}Name"]) for page, kind in kinds for holder in page[f"Policy{kind}s"]]

    def exists(self) -> bool:
        """Whether the policy exists."""
        return self._policy() is not None

    def effect_of_removal(self) -> str:
        """Who it is attached to."""
        holders = [f"{kind.lower()} {name}" for kind, name in self._holders()]
        return f"detached from {', '.join(holders)}" if holders else "attached to nobody"

    def remove(self) -> None:
        """Detach the policy from everyone, and remove it."""
        for kind, name in self._holders():
            getattr(self.iam, f"detach_{kind.lower()}_policy")(PolicyArn=self.arn, **{f"{kind}Name": name})
        for version in self._versions():
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=version["VersionId"])
        self.iam.delete_policy(PolicyArn=self.arn)
