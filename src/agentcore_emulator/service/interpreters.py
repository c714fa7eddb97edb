"""Which code interpreters there are: those built in, and those that clients have created."""

from __future__ import annotations

import json
import logging
import re
import secrets
import string
import threading
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from agentcore_emulator import private_files
from agentcore_emulator.service import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from agentcore_emulator.service.timers import Timers

LOCAL = "local"
PUBLIC = "local-public"
SYSTEM = "aws.codeinterpreter.v1"
ACCOUNT = "000000000000"
"""Stands in ARNs for the account that there is not."""
TRANSITION = 0.2
"""Seconds from CREATING to READY, and from DELETING to gone; on AWS they are some seconds."""
MAX_INTERPRETERS = 1000
"""Created ones at once (assumed)."""
MAX_TAGS = 50
"""Of one resource; the model has this limit for those of one request."""

_ARN = re.compile(
    r"arn:aws(?:-[a-z]+)*:bedrock-agentcore:[a-z0-9-]+:(?:[0-9]{12}|aws):code-interpreter(?:-custom)?/(.+)"
)
_log = logging.getLogger(__name__)
_ALPHANUMERICS = string.ascii_letters + string.digits
_EPOCH = datetime(2025, 7, 16, tzinfo=timezone.utc)  # when AgentCore was announced; assumed of what is built in


@dataclass(frozen=True)
class CodeInterpreter:
    """One code interpreter. `network` is the API's networkConfiguration, `details` has members such as `description`.

    The status is CREATING, READY or DELETING, `updated` when it last changed; lists are in the order of `created`.
    """

    interpreter_id: str
    name: str
    network: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)
    status: str = "READY"
    created: datetime = _EPOCH
    updated: datetime = _EPOCH

    @property
    def is_public(self) -> bool:
        """Whether its sessions share the host's network; those of VPC mode have none, as in SANDBOX mode (assumed)."""
        return bool(self.network["networkMode"] == "PUBLIC")

    @property
    def has_mounts(self) -> bool:
        """Whether its sessions can mount file systems: in VPC mode (documented), and what is built in here."""
        return self.network["networkMode"] == "VPC" or self.interpreter_id in (LOCAL, PUBLIC)

    def arn(self, region: str) -> str:
        """Return the ARN in the region that the caller asked."""
        if self.interpreter_id == SYSTEM:
            return f"arn:aws:bedrock-agentcore:{region}:aws:code-interpreter/{SYSTEM}"
        return f"arn:aws:bedrock-agentcore:{region}:{ACCOUNT}:code-interpreter-custom/{self.interpreter_id}"


BUILT_IN = CodeInterpreter(SYSTEM, "codeinterpreter", {"networkMode": "SANDBOX"})
_LOCAL = replace(BUILT_IN, interpreter_id=LOCAL, name=LOCAL)
_PUBLIC = CodeInterpreter(PUBLIC, "local_public", {"networkMode": "PUBLIC"})
_FOR_SESSIONS = {LOCAL: _LOCAL, SYSTEM: _LOCAL, PUBLIC: _PUBLIC}


def identifier(id_or_arn: str) -> str:
    """Return the id part of an ARN, or the id itself."""
    match = _ARN.fullmatch(id_or_arn)
    return match[1] if match else id_or_arn


def refuse_reserved(tags: Mapping[str, str]) -> None:
    """Refuse, with a ValidationException, keys that AWS keeps for itself: usual in AWS, assumed for this service."""
    if any(key.lower().startswith("aws:") for key in tags):
        raise errors.validation("Tag keys that begin with aws: are reserved")


class CodeInterpreters:
    """Creates, finds, lists and deletes interpreters; safe to use from many threads.

    Those created are kept in the file `path`: the emulator ends when it is idle, and they outlive it.
    """

    def __init__(self, timers: Timers, path: Path | None = None) -> None:
        self._timers = timers
        self._path = path
        self._lock = threading.Lock()
        self._custom = {item.interpreter_id: item for item in _load(path)} if path else {}

    def create(self, name: str, network: Mapping[str, Any], details: Mapping[str, Any]) -> CodeInterpreter:
        """Begin to create one.

        Raises:
            ServiceError: ConflictException: the name is taken; ServiceQuotaExceededException: there are too many.
        """
        with self._lock:
            now = datetime.now(timezone.utc)
            if any(item.name == name for item in self._custom.values()):
                raise errors.conflict(f"A code interpreter with the name {name} already exists")
            if len(self._custom) >= MAX_INTERPRETERS:
                raise errors.quota_exceeded(f"Maximum number of code interpreters ({MAX_INTERPRETERS}) reached")
            made = CodeInterpreter(f"{name}-{_suffix()}", name, network, details, "CREATING", now, now)
            self._put(made)
        self._timers.after(TRANSITION, lambda: self._change(made.interpreter_id, "READY"))
        return made

    def get(self, interpreter_id: str) -> CodeInterpreter:
        """Return a created one or the system's, or raise ResourceNotFoundException (its text is assumed)."""
        with self._lock:
            found = BUILT_IN if interpreter_id == SYSTEM else self._custom.get(interpreter_id)
        if found is None:
            raise errors.not_found(f"Code interpreter {interpreter_id} not found")
        return found

    def newest_first(self) -> list[CodeInterpreter]:
        """Return the created ones."""
        with self._lock:
            return sorted(self._custom.values(), key=_age, reverse=True)

    def delete(self, interpreter_id: str) -> CodeInterpreter:
        """Begin to delete one; raises ResourceNotFoundException, or ConflictException where it is not READY."""
        found = self.get(interpreter_id)
        with self._lock:
            found = self._custom.get(interpreter_id, found)
            if found.status != "READY":
                raise errors.conflict(f"Code interpreter {interpreter_id} is {found.status}")
            deleting = replace(found, status="DELETING", updated=datetime.now(timezone.utc))
            self._put(deleting)
        self._timers.after(TRANSITION, lambda: self._forget(interpreter_id))
        return deleting

    def tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a created one, or raise ResourceNotFoundException."""
        with self._lock:
            tags: Mapping[str, str] = self._tagged(arn).details.get("tags", {})
            return tags

    def change_tags(self, arn: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Give a created one the tags that `change` makes of those it has; it counts as no update (assumed).

        Raises:
            ServiceError: ResourceNotFoundException, or ServiceQuotaExceededException: there would be too many.
        """
        with self._lock:
            found = self._tagged(arn)
            tags = change(found.details.get("tags", {}))
            if len(tags) > MAX_TAGS:
                raise errors.quota_exceeded(f"A resource can have {MAX_TAGS} tags")
            self._put(replace(found, details={**found.details, "tags": tags}))

    def _tagged(self, arn: str) -> CodeInterpreter:
        found = self._custom.get(identifier(arn))
        if found is None:
            raise errors.not_found(f"Resource {arn} not found")
        return found

    def for_sessions(self, id_or_arn: str) -> CodeInterpreter:
        """Return the interpreter that sessions belong to, or raise ResourceNotFoundException (its text is assumed).

        Here the system's id means `local`.
        """
        name = identifier(id_or_arn)
        if name in _FOR_SESSIONS:
            return _FOR_SESSIONS[name]
        with self._lock:
            found = self._custom.get(name)
        if found is None:
            raise errors.not_found(
                f"Code interpreter {id_or_arn} not found; the local emulator has {', '.join(_FOR_SESSIONS)} "
                "and the ones created on it"
            )
        return found

    def _change(self, interpreter_id: str, status: str) -> None:
        with self._lock:
            found = self._custom[interpreter_id]
            self._put(replace(found, status=status, updated=datetime.now(timezone.utc)))

    def _put(self, interpreter: CodeInterpreter) -> None:
        self._custom[interpreter.interpreter_id] = interpreter
        self._save()

    def _forget(self, interpreter_id: str) -> None:
        with self._lock:
            del self._custom[interpreter_id]
            self._save()

    def _save(self) -> None:
        """Write them. A full disk is logged: the running emulator knows them all the same."""
        try:
            if self._path:
                private_files.replace(self._path, json.dumps([_plain(item) for item in self._custom.values()]))
        except OSError as error:
            _log.warning("the created interpreters are not kept: %s", error)


def _load(path: Path) -> list[CodeInterpreter]:
    """Read them; none where the file is missing or broken. What was under way has ended meanwhile."""
    try:
        found = [_interpreter(item) for item in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        _log.warning("%s cannot be read; starting without it: %s", path, error)
        return []
    return [item for item in found if item.status == "READY"]


def _plain(item: CodeInterpreter) -> dict[str, Any]:
    return {**asdict(item), "created": item.created.timestamp(), "updated": item.updated.timestamp()}


def _interpreter(plain: dict[str, Any]) -> CodeInterpreter:
    times = {name: datetime.fromtimestamp(plain[name], timezone.utc) for name in ("created", "updated")}
    status = "READY" if plain["status"] == "CREATING" else plain["status"]
    return CodeInterpreter(**{**plain, **times, "status": status})


def _age(interpreter: CodeInterpreter) -> tuple[datetime, str]:
    return interpreter.created, interpreter.interpreter_id


def _suffix() -> str:
    return "".join(secrets.choice(_ALPHANUMERICS) for _ in range(10))
