"""Values of JSON as records: what is kept may have been damaged, or written by another version of this program."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Of the records. One that cannot be read by programs that know this version gets the next number."""
_LARGEST_NUMBER = 1e11  # as seconds since the epoch, a year that calendars have
_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "None": (type(None),),
}


class Record(Protocol):
    """A dataclass whose fields are strings, numbers, booleans and None."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Record)


class NewerVersionError(Exception):
    """A newer version of this program has written it."""


def decoded(kind: type[R], value: Any) -> R:
    """Make a record of JSON. Fields that are not known are left out: a later version may have more of them.

    Raises:
        ValueError: It is not such a record.
        NewerVersionError: It is one of a later version.
    """
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as everything else that is wrong with it
    if value.get("version", VERSION) != VERSION:  # the first records had no version
        raise NewerVersionError
    known = {}
    for field in fields(kind):
        name = field.name if field.name in value else field.metadata.get("formerly", field.name)
        if name in value:
            known[field.name] = _checked_value(value[name], str(field.type))
    try:
        return kind(**known)
    except TypeError as error:  # one is missing
        raise ValueError(str(error)) from None


def _checked_value(value: Any, kinds: str) -> Any:
    allowed = {kind for name in kinds.split(" | ") for kind in _TYPES[name]}
    if type(value) not in allowed:
        raise ValueError(f"{value!r} is not of type {kinds}")
    if isinstance(value, (int, float)) and not 0 <= value < _LARGEST_NUMBER:  # nor is NaN
        raise ValueError(f"{value} is out of range")
    return value
