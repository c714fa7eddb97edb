"""Checks a tool's arguments against its schema, as far as the schemas of `tools` go. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "array": list,
    "object": dict,
}


def check(value: Any, schema: Mapping[str, Any], name: str = "the arguments") -> None:
    """Refuse a value that the schema does not allow.

    Args:
        value: Of any kind that JSON knows.
        schema: With type, enum, minimum, maximum, minItems, items, properties, required and additionalProperties;
            nothing else is looked at. Without a type it allows any value.
        name: What the value is, for the message.

    Raises:
        UsageError: The schema does not allow it.
    """
    if "type" not in schema:
        return
    if not isinstance(value, _KINDS[schema["type"]]) or isinstance(value, bool):
        raise UsageError(f"{name} must be of type {schema['type']}")
    if "enum" in schema and value not in schema["enum"]:
        raise UsageError(f"{name} must be one of {', '.join(schema['enum'])}")
    if isinstance(value, (int, float)) and not schema["minimum"] <= value <= schema["maximum"]:
        raise UsageError(f"{name} must be from {schema['minimum']} to {schema['maximum']}")
    if isinstance(value, list):
        _check_items(value, schema, name)
    if isinstance(value, dict):
        _check_members(value, schema, name)


def _check_items(value: list[Any], schema: Mapping[str, Any], name: str) -> None:
    if len(value) < schema.get("minItems", 0):
        raise UsageError(f"{name} must not be empty")
    for item in value:
        check(item, schema["items"], f"an item of {name}")


def _check_members(value: dict[str, Any], schema: Mapping[str, Any], name: str) -> None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    if missing := [key for key in schema.get("required", ()) if key not in value]:
        raise UsageError(f"{name} must have {', '.join(missing)}")
    for key, member in value.items():
        if key not in known and not others:
            raise UsageError(f"{name} must not have {key[:50]!r}", f"there are {', '.join(known)}")
        check(member, known.get(key) or others, key[:50])
