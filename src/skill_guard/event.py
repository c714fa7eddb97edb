"""Read JSON with the core of the standard library's `json`.

Importing `json` itself takes as long as starting Python and all that the guard does after it: it imports `re`. Its core
in C does not need that. Where there is no such core, or it wants something else, `json` does the work.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Options:
    """What the core asks a decoder for: the values of `json.JSONDecoder()`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the core keeps its keys there


def read_json(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is no JSON text in UTF-8.
    """
    text = data.decode("utf-8").strip(" \t\n\r")
    try:
        from _json import make_scanner

        value, end = make_scanner(_Options)(text, 0)  # type: ignore[arg-type]  # anything with these attributes
    except (ImportError, AttributeError, TypeError, StopIteration):
        import json

        return json.loads(text)
    if end != len(text):
        raise ValueError("something follows the JSON text")
    return value
