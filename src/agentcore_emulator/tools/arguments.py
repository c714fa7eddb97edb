"""Checking what AWS's model leaves open about a tool's arguments, in pydantic's words, as AWS does.

The words are recorded in tests/wire/read_files_wrong_argument.json.
"""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_emulator.tools.result_payloads import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

URL = "    For further information visit https://errors.pydantic.dev/2.10/v/"
SHOWN = 50
"""Bytes of the longest representation of a value; of a longer one pydantic shows the first 25 and the last 24."""
WITHOUT_NUL = {"path": "path", "paths": "path", "directoryPath": "path", "command": "command"}
"""Arguments that the kernel takes, and what they are."""


class Problem(NamedTuple):
    """One wrong argument: where it is, pydantic's name and text of the mistake, the value."""

    place: str
    kind: str
    text: str
    value: object

    def __str__(self) -> str:
        """Return pydantic's lines."""
        value = f"input_value={_shortened(self.value)}, input_type={type(self.value).__name__}"
        return f"{self.place}\n  {self.text} [type={self.kind}, {value}]\n{URL}{self.kind}"


def snake_case(name: str) -> str:
    """Return AWS's inner name of a tool or an argument: `readFiles` -> `read_files`."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def check(tool: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a tool takes, by the names of its parameters; others are ignored.

    The first two parameters are the sandbox and an event. Types have been checked against AWS's model.

    Raises:
        ToolError: One is missing, or is a text that no file or program can take.
    """
    known = {snake_case(name): (name, value) for name, value in given.items() if value is not None}
    taken, problems = {}, list[Problem]()
    for parameter in _parameters(tool):
        if parameter.name in known:
            name, value = known[parameter.name]
            taken[parameter.name] = value
            problems += _problems(name, name, value)
        elif parameter.default is parameter.empty:
            problems.append(_missing(_camel_case(parameter.name), given))
    if problems:
        count = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
        raise ToolError("\n".join([f"{count} for {tool.__name__}Arguments", *map(str, problems)]))
    return taken


@functools.cache
def _parameters(tool: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(tool).parameters.values())[2:]


def _problems(place: str, name: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, list):
        for position, element in enumerate(value):
            yield from _problems(f"{place}.{position}", name, element)
    elif isinstance(value, dict):  # a file to write
        for part in ("path", "text"):
            yield from _problems(f"{place}.{part}", part, value.get(part))
        if value.get("text") is None and value.get("blob") is None:
            yield _missing(f"{place}.text", value)
    elif isinstance(value, str):
        if not value.isascii() and not _is_unicode(value):
            yield Problem(place, "string_unicode", "Input should be a valid string, unable to parse as unicode", value)
        if name in WITHOUT_NUL and "\0" in value:
            text = f"Value error, a {WITHOUT_NUL[name]} cannot hold a NUL character"
            yield Problem(place, "value_error", text, value)


def _missing(place: str, value: object) -> Problem:
    return Problem(place, "missing", "Field required", value)


def _camel_case(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)


def _is_unicode(value: str) -> bool:
    """Whether a text has no half of a surrogate pair, which JSON can smuggle in and no file or program can take."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shortened(value: object) -> str:
    text = repr(value)
    encoded = text.encode(errors="replace")
    if len(encoded) <= SHOWN:
        return text
    return f"{encoded[:25].decode(errors='ignore')}...{encoded[-24:].decode(errors='ignore')}"
