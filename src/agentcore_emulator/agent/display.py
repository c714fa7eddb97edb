"""How the value of a cell's last expression is shown: IPython's plain text (assumed; never recorded)."""

from __future__ import annotations

import contextlib
from types import FunctionType
from typing import Any, Callable, Iterator, NamedTuple

WIDTH = 79
LONGEST = 1000  # elements of a container; more are three dots
BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}

Render = Callable[[Any, int, int], str]
NEVER_BROKEN = -(1 << 62)


def text_of(value: object) -> str:
    """Return the text for a value; a container that does not fit into one line shows one element a line."""
    return _text(value, Position(0, 0, 0), ())


class Position(NamedTuple):
    """Where a text goes: its column, the indentation of its further lines, and how much follows in its last line."""

    column: int
    indent: int
    trailing: int


def _text(value: Any, position: Position, above: tuple[int, ...]) -> str:
    """Return the text for a value inside the containers with the ids `above`."""
    if type(value) not in BRACKETS or not value:
        return _plain(value)
    left, right = BRACKETS[type(value)]
    if id(value) in above:
        return f"{left}...{right}"
    above = (*above, id(value))
    flat = _joined(value, ", ", lambda item, _column, _trailing: _flat(item, above), position)
    if position.column + len(flat) + position.trailing <= WIDTH:
        return flat
    indent = position.indent + len(left)
    render = lambda item, column, trailing: _text(item, Position(column, indent, trailing), above)  # noqa: E731
    return _joined(value, ",\n" + " " * indent, render, position)


def _flat(value: Any, above: tuple[int, ...]) -> str:
    """Return the text for a value in one line."""
    return _text(value, Position(0, 0, NEVER_BROKEN), above)


def _joined(value: Any, separator: str, render: Render, position: Position) -> str:
    left, right = BRACKETS[type(value)]
    if type(value) is tuple and len(value) == 1:
        right = "," + right
    texts, items = [], list(_items(value))
    for index, (key, item) in enumerate(items):
        column = (position.indent if index else position.column) + len(left) + len(key)
        trailing = position.trailing + len(right) if index == len(items) - 1 else 1
        texts.append(key + render(item, column, trailing))
    if len(value) > LONGEST:
        texts.append("...")
    return left + separator.join(texts) + right


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the shown elements of a container, each with the text before it."""
    if isinstance(value, dict):
        for key in list(value)[:LONGEST]:
            yield f"{_flat(key, ())}: ", value[key]
    else:
        elements = list(value) if isinstance(value, (list, tuple)) else _in_order(value)
        for element in elements[:LONGEST]:
            yield "", element


def _in_order(elements: Any) -> list[Any]:
    for key in (None, str):
        with contextlib.suppress(Exception):  # elements of any class, with any comparison
            return sorted(elements, key=key)
    return list(elements)


def _plain(value: object) -> str:
    if isinstance(value, type) and type(value).__repr__ is type.__repr__:
        return value.__qualname__ if value.__module__ == "builtins" else f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, FunctionType):
        return f"<function {value.__module__}.{value.__qualname__}{_signature(value)}>"
    if type(value).__repr__ is object.__repr__:
        return f"<{type(value).__module__}.{type(value).__qualname__} at {id(value):#x}>"
    return repr(value)


def _signature(function: FunctionType) -> str:
    import inspect

    try:
        return str(inspect.signature(function))
    except ValueError:
        return ""
