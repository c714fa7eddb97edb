"""AWS's own model of the API, as botocore ships it: routes, shapes and constraints.

It is read as data: botocore's own reader takes longer to import than all the rest of the emulator.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote

from agentcore_emulator.service import errors

if TYPE_CHECKING:
    from agentcore_emulator.service.http_messages import Request

SERVICES = ("bedrock-agentcore", "bedrock-agentcore-control")
MOST_VIOLATIONS = 100
"""Broken members that one error tells of (assumed)."""
Definition = Mapping[str, Any]
"""A part of a service-2.json file."""


class Violation(NamedTuple):
    """One member that breaks its shape: where, and which constraint."""

    path: str
    constraint: str


@dataclass(frozen=True)
class Operation:
    """How an operation is reached, and what its input must be like.

    In `uri`, members are in braces; `shapes` has by name what `input`, the input's structure, refers to.
    """

    name: str
    method: str
    uri: str
    status: int = 200
    input: Definition = field(default_factory=lambda: {"members": {}})
    shapes: Mapping[str, Definition] = field(default_factory=dict, repr=False)

    def members(self, request: Request) -> dict[str, Any] | None:
        """Return the members that a request carries, None where it is for another operation. May raise as `check`."""
        match = self._path.fullmatch(request.path) if request.method == self.method else None
        return match and self.check(self._gathered(match.groupdict(), request))

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members that the model knows. Null means absent, as in all of AWS's JSON protocols.

        Raises:
            ServiceError: ValidationException, reason FieldValidationFailed, with each broken member in `fieldList`. The
                text is AWS's usual one; assumed for this service.
        """
        violations = list(itertools.islice(_structure(self.input, self.shapes, "", given), MOST_VIOLATIONS))
        if violations:
            raise _failure(violations)
        return {name: given[name] for name in self.input["members"] if given.get(name) is not None}

    @functools.cached_property
    def token(self) -> str:
        """The member that makes a request idempotent; empty where there is none."""
        return next((name for name, member in self.input["members"].items() if member.get("idempotencyToken")), "")

    def parameters(self, members: Mapping[str, Any]) -> str:
        """Return as JSON what a repeated request has in common with the first: neither token nor trace headers."""
        known = self.input["members"]
        same = (name for name in members if name != self.token and known[name].get("location") != "header")
        return json.dumps({name: members[name] for name in same}, sort_keys=True)

    @functools.cached_property
    def _path(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.uri))

    def _gathered(self, in_path: Mapping[str, str], request: Request) -> dict[str, Any]:
        """Take each member from where the model puts it, and from nowhere else; the body has what has no place."""
        query = parse_qs(request.query, keep_blank_values=True)
        members = _json(request.body)
        for name, member in self.input["members"].items():
            key = member.get("locationName", name)
            match member.get("location"):
                case "uri":
                    members[name] = unquote(in_path[key])
                case "header":
                    members[name] = request.headers.get(key.lower())
                case "querystring":
                    members[name] = _from_query(self.shapes[member["shape"]], query.get(key))
        return members


@functools.cache
def operations() -> Mapping[str, Operation]:
    """Read the operations of both planes, by name; raises OSError where botocore's data is missing."""
    found = {}
    for service in SERVICES:
        definition = _definition(service)
        for name, operation in definition["operations"].items():
            http, shapes = operation["http"], definition["shapes"]
            structure = shapes[operation["input"]["shape"]] if "input" in operation else {"members": {}}
            if name == "InvokeCodeInterpreter":
                # The model does not require it. Without a session there is nothing to run in: assumed to be refused.
                structure = {**structure, "required": [*structure["required"], "sessionId"]}
            found[name] = Operation(
                name, http["method"], http["requestUri"], http.get("responseCode", 200), structure, shapes
            )
    return found


def _definition(service: str) -> Any:
    package = importlib.util.find_spec("botocore")
    if package is None or not package.origin:
        raise FileNotFoundError("botocore is not installed, and the emulator reads AWS's model from it")
    newest = max(Path(package.origin).with_name("data").joinpath(service).iterdir())
    plain = newest / "service-2.json"  # in our zipapps
    text = plain.read_bytes() if plain.is_file() else gzip.decompress(plain.with_suffix(".json.gz").read_bytes())
    return json.loads(text)


def _json(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise errors.validation("The request body is not JSON", "CannotParse") from None
    if not isinstance(members, dict):
        raise errors.validation("The request body is not a JSON object", "CannotParse")
    return members


def _from_query(shape: Definition, texts: list[str] | None) -> Any:
    """A query string has texts only, of a list one for each item; what is not a number stays one for the check."""
    if texts is None or shape["type"] == "list":
        return texts
    is_number = shape["type"] == "integer" and re.fullmatch("-?[0-9]{1,9}", texts[-1])
    return int(texts[-1]) if is_number else texts[-1]


Shapes = Mapping[str, Definition]
Check = Callable[[Definition, Shapes, str, Any], Iterator[Violation]]


def _check(name: str, shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    """Yield what is wrong with a value at `path` that should have the named shape."""
    shape = shapes[name]
    return CHECKS[shape["type"]](shape, shapes, path, value)


def _structure(shape: Definition, shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    """Unknown members are ignored, as in all of AWS's JSON protocols."""
    if not isinstance(value, Mapping):
        yield Violation(path, "Member must be an object")
        return
    prefix = f"{path}." if path else ""
    given = [name for name in shape["members"] if value.get(name) is not None]
    for name in shape.get("required", ()):
        if name not in given:
            yield Violation(prefix + name, "Member must not be null")
    if shape.get("union") and len(given) != 1:
        yield Violation(path, f"Member must have exactly one of [{', '.join(shape['members'])}]")
    for name in given:
        yield from _check(shape["members"][name]["shape"], shapes, prefix + name, value[name])


def _list(shape: Definition, shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield Violation(path, "Member must be a list")
        return
    yield from _length(shape, path, len(value))
    if len(value) <= shape.get("max", len(value)):
        for number, member in enumerate(value, 1):
            yield from _check(shape["member"]["shape"], shapes, f"{path}.{number}.member", member)


def _map(shape: Definition, shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, "Member must be an object")
        return
    yield from _length(shape, path, len(value))
    if len(value) <= shape.get("max", len(value)):
        for key, member in value.items():
            yield from _check(shape["key"]["shape"], shapes, f"{path}.key", key)
            yield from _check(shape["value"]["shape"], shapes, f"{path}.value", member)


def _string(shape: Definition, _shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield Violation(path, "Member must be a string")
        return
    yield from _length(shape, path, len(value))
    if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
        yield Violation(path, f"Member must satisfy regular expression pattern: {shape['pattern']}")
    if "enum" in shape and value not in shape["enum"]:
        yield Violation(path, f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")


def _blob(shape: Definition, _shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    """In JSON a blob is base64; its bounds count the bytes."""
    if not isinstance(value, str) or len(value) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value):
        yield Violation(path, "Member must be base64")
    else:
        yield from _length(shape, path, len(value) // 4 * 3 - value[-2:].count("="))


def _integer(shape: Definition, _shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield Violation(path, "Member must be an integer")
    else:
        yield from _bounds(shape, path, value, "value")


def _boolean(_shape: Definition, _shapes: Shapes, path: str, value: Any) -> Iterator[Violation]:
    if not isinstance(value, bool):
        yield Violation(path, "Member must be a boolean")


def _length(shape: Definition, path: str, length: int) -> Iterator[Violation]:
    return _bounds(shape, path, length, "length")


def _bounds(shape: Definition, path: str, number: int, of: str) -> Iterator[Violation]:
    if number < shape.get("min", number):
        yield Violation(path, f"Member must have {of} greater than or equal to {shape['min']}")
    if number > shape.get("max", number):
        yield Violation(path, f"Member must have {of} less than or equal to {shape['max']}")


CHECKS: Mapping[str, Check] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "blob": _blob,
    "integer": _integer,
    "boolean": _boolean,
}


def _failure(violations: Sequence[Violation]) -> errors.ServiceError:
    told = "; ".join(f"Value at '{path}' failed to satisfy constraint: {rule}" for path, rule in violations)
    plural = "s" if len(violations) > 1 else ""
    fields = [{"name": path, "message": rule} for path, rule in violations]
    return errors.validation(f"{len(violations)} validation error{plural} detected: {told}", fieldList=fields)
