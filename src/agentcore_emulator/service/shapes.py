"""The few kinds of shape that requests are made of, and what can be wrong with a value of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agentcore_emulator.service import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Problem(NamedTuple):
    """One member that breaks its shape: where, and which rule."""

    path: str
    constraint: str


class Shape(Protocol):
    """What a member of a request must be like."""

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`, found at `path`."""


@dataclass(frozen=True)
class Text:
    """A string: its length, its pattern (the whole of it), or its allowed values."""

    minimum: int = 0
    maximum: int | None = None
    pattern: str | None = None
    enum: Sequence[str] = ()

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, str):
            yield Problem(path, "Member must be a string")
            return
        if len(value) < self.minimum:
            yield Problem(path, f"Member must have length greater than or equal to {self.minimum}")
        if self.maximum is not None and len(value) > self.maximum:
            yield Problem(path, f"Member must have length less than or equal to {self.maximum}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            yield Problem(path, f"Member must satisfy regular expression pattern: {self.pattern}")
        if self.enum and value not in self.enum:
            yield Problem(path, f"Member must satisfy enum value set: [{', '.join(self.enum)}]")


@dataclass(frozen=True)
class Blob:
    """Bytes, base64 in JSON; `maximum` counts the bytes."""

    maximum: int

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, str) or len(value) % 4 or not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value):
            yield Problem(path, "Member must be base64")
        elif len(value) // 4 * 3 - value[-2:].count("=") > self.maximum:
            yield Problem(path, f"Member must have length less than or equal to {self.maximum}")


@dataclass(frozen=True)
class Integer:
    """A whole number between two bounds."""

    minimum: int
    maximum: int

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(path, "Member must be an integer")
        elif value < self.minimum:
            yield Problem(path, f"Member must have value greater than or equal to {self.minimum}")
        elif value > self.maximum:
            yield Problem(path, f"Member must have value less than or equal to {self.maximum}")


@dataclass(frozen=True)
class Boolean:
    """True or false."""

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, bool):
            yield Problem(path, "Member must be a boolean")


@dataclass(frozen=True)
class List:
    """A list of members of one shape."""

    member: Shape
    minimum: int = 0
    maximum: int | None = None

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, list):
            yield Problem(path, "Member must be a list")
            return
        if len(value) < self.minimum:
            yield Problem(path, f"Member must have length greater than or equal to {self.minimum}")
        if self.maximum is not None and len(value) > self.maximum:
            yield Problem(path, f"Member must have length less than or equal to {self.maximum}")
            return
        for index, member in enumerate(value):
            yield from self.member.problems(f"{path}.{index + 1}.member", member)


@dataclass(frozen=True)
class Map:
    """An object whose names and values each have one shape."""

    key: Shape
    value: Shape
    minimum: int
    maximum: int

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, dict):
            yield Problem(path, "Member must be an object")
            return
        if not self.minimum <= len(value) <= self.maximum:
            yield Problem(path, f"Member must have from {self.minimum} to {self.maximum} entries")
            return
        for key, member in value.items():
            yield from self.key.problems(f"{path}.key", key)
            yield from self.value.problems(f"{path}.value", member)


@dataclass(frozen=True)
class Structure:
    """Named members; unknown ones are ignored and null means absent, as in AWS's JSON protocols."""

    members: Mapping[str, Shape]
    required: Sequence[str] = field(default=())
    union: bool = False

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """Yield what is wrong with `value`."""
        if not isinstance(value, dict):
            yield Problem(path, "Member must be an object")
            return
        given = {name for name in self.members if value.get(name) is not None}
        for name in self.required:
            if name not in given:
                yield Problem(_join(path, name), "Member must not be null")
        if self.union and len(given) != 1:
            yield Problem(path, f"Member must have exactly one of [{', '.join(self.members)}]")
        for name in self.members:
            if name in given:
                yield from self.members[name].problems(_join(path, name), value[name])


def check(shape: Structure, value: Any) -> dict[str, Any]:
    """Return the members of `value` that the shape knows.

    Raises:
        ServiceError: ValidationException with reason FieldValidationFailed and every broken member in `fieldList`. Its
            text follows AWS's usual one; assumed for this service.
    """
    problems = list(shape.problems("", value))
    if problems:
        raise _failure(problems)
    return {name: value[name] for name in shape.members if value.get(name) is not None}


def _failure(problems: Sequence[Problem]) -> errors.ServiceError:
    told = "; ".join(f"Value at '{path}' failed to satisfy constraint: {rule}" for path, rule in problems)
    plural = "s" if len(problems) > 1 else ""
    fields = [{"name": path, "message": rule} for path, rule in problems]
    return errors.validation(f"{len(problems)} validation error{plural} detected: {told}", fieldList=fields)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
