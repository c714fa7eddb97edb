"""Values of JSON as records: what is kept may have been damaged, or written by another version of this program.

A record is a named tuple or a dataclass, whose fields are strings, numbers, booleans and None. A `FORMERLY` of its
class says which names fields had in the first version, and a `checked` raises ValueError for values that cannot be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


R = TypeVar("R")


class NewerVersionError(Exception):
    """A newer version of this program has written it."""


def encoded(record: object) -> dict[str, Any]:
    """The object of a record."""
    return {field: getattr(record, field) for field in type(record).__annotations__}


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
    for field, annotation in kind.__annotations__.items():
        name = field if field in value else getattr(kind, "FORMERLY", {}).get(field, field)
        if name in value:
            known[field] = _checked_value(value[name], str(getattr(annotation, "__forward_arg__", annotation)))
    try:
        record = kind(**known)
    except TypeError as error:  # one is missing
        raise ValueError(str(error)) from None
    checked: Callable[[], R] = getattr(record, "checked", lambda: record)
    return checked()


def _checked_value(value: Any, kinds: str) -> Any:
    allowed = {kind for name in kinds.split(" | ") for kind in _TYPES[name]}
    if type(value) not in allowed:
        raise ValueError(f"{value!r} is not of type {kinds}")
    if isinstance(value, (int, float)) and not 0 <= value < _LARGEST_NUMBER:  # nor is NaN
        raise ValueError(f"{value} is out of range")
    return value
