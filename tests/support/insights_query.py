"""The part of the Logs Insights query language that the skills use, evaluated over events; anything else is refused.

As the user guide has it ("Logs Insights query language"): commands between `|`, each on what the one before gives;
fields found in JSON by their dotted names; a field that an event lacks is absent from its row; `like /.../` finds
anywhere; `limit` is 10,000 where the query says none. No answer of AWS was at hand to hold this against.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, Any]
NAME = r"@?[A-Za-z][A-Za-z0-9_.]*"
MOST_ROWS = 10_000


class MalformedQueryError(ValueError):
    """Not of the part that is known here."""


def execute(events: list[tuple[int, str]], query: str) -> list[dict[str, str]]:
    """Run a query.

    Args:
        events: Time in milliseconds since 1970, and message.
        query: All of it.

    Raises:
        MalformedQueryError: It says something that is not known here.
    """
    rows = [discover(timestamp, message) for timestamp, message in events]
    limited = False
    for command in split(query, "|"):
        name, _, rest = command.partition(" ")
        if name not in COMMANDS:
            raise MalformedQueryError(command)
        rows = COMMANDS[name](rows, rest.strip())
        limited = limited or name == "limit"
    rows = rows if limited else rows[:MOST_ROWS]
    return [{field: show(value) for field, value in row.items() if value is not None} for row in rows]


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand in no brackets and no regular expression."""
    parts, depth, in_pattern = [""], 0, False
    for character in text:
        in_pattern ^= character == "/"
        depth += 0 if in_pattern else (character == "(") - (character == ")")
        if character == separator and not depth and not in_pattern:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def discover(timestamp: int, message: str) -> Row:
    """The fields of an event; each query makes a message of them that it does not ask for."""
    try:
        found = json.loads(message)
    except ValueError:
        found = {}
    return {"@timestamp": timestamp, "@message": message, **dict(flat(found if isinstance(found, dict) else {}, ""))}


def flat(value: Row, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, inner


def show(value: Any) -> str:
    """A value in an answer; large numbers come with an exponent, which is how Insights can write them."""
    return f"{value:.12E}" if isinstance(value, int) and value > MOST_ROWS**2 else str(value)


def read(row: Row, expression: str) -> Any:
    """A field, `toMillis(field)` or `coalesce(field, ...)`."""
    call = re.fullmatch(r"(toMillis|coalesce)\((.*)\)", expression)
    names = split(call[2], ",") if call else [expression]
    if not all(re.fullmatch(NAME, name) for name in names) or (call and call[1] == "toMillis" and len(names) != 1):
        raise MalformedQueryError(expression)
    return next((row[name] for name in names if row.get(name) is not None), None)


def fields(rows: list[Row], rest: str) -> list[Row]:
    for column in split(rest, ","):
        expression, _, alias = column.partition(" as ")
        rows = [{**row, alias.strip() or expression: read(row, expression.strip())} for row in rows]
    return rows


def keep(rows: list[Row], rest: str) -> list[Row]:
    for condition in rest.split(" and "):
        test = condition_of(condition.strip())
        rows = [row for row in rows if test(row)]
    return rows


def condition_of(text: str) -> Callable[[Row], bool]:
    like = re.fullmatch(rf"({NAME}) like /(.*)/", text)
    if like:
        pattern = re.compile(like[2])
        return lambda row: pattern.search(str(row.get(like[1]) or "")) is not None
    compared = re.fullmatch(rf"({NAME}) (>=|<) (\d+)", text)
    if not compared:
        raise MalformedQueryError(text)
    name, sign, number = compared[1], compared[2], int(compared[3])
    return lambda row: row[name] >= number if sign == ">=" else row[name] < number


def stats(rows: list[Row], rest: str) -> list[Row]:
    columns, _, by = rest.partition(" by ")
    names = split(by, ",")
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(read(row, name) for name in names), []).append(row)
    return [
        {**dict(zip(names, key, strict=True)), **dict(aggregate(members, column) for column in split(columns, ","))}
        for key, members in groups.items()
    ]


def aggregate(members: list[Row], column: str) -> tuple[str, Any]:
    parts = re.fullmatch(rf"(count|min|max)\((\*|{NAME})\) as ({NAME})", column)
    if not parts:
        raise MalformedQueryError(column)
    if parts[1] == "count":
        return parts[3], len(members)
    values = [row[parts[2]] for row in members if row.get(parts[2]) is not None]
    return parts[3], (min if parts[1] == "min" else max)(values)


def sort(rows: list[Row], rest: str) -> list[Row]:
    name, _, direction = rest.partition(" ")
    return sorted(rows, key=lambda row: row[name], reverse=direction == "desc")


def limit(rows: list[Row], rest: str) -> list[Row]:
    return rows[: int(rest)]


COMMANDS: dict[str, Callable[[list[Row], str], list[Row]]] = {
    "fields": fields,
    "filter": keep,
    "stats": stats,
    "sort": sort,
    "limit": limit,
}
