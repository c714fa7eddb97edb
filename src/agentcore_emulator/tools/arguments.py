"""Checking a tool's arguments. The messages are pydantic's, recorded in tests/wire/read_files_wrong_argument.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from agentcore_emulator.tools.payloads import ToolError

URL = "    For further information visit https://errors.pydantic.dev/2.10/v/"
SHOWN = 50
"""Bytes of the longest representation of a value; of a longer one pydantic shows the first 25 and the last 24."""


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


Check = Callable[[str, Any], Iterator[Problem]]


def snake_case(name: str) -> str:
    """Return the service's inner name of a tool: `readFiles` -> `read_files`."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def check(tool: str, given: Mapping[str, Any]) -> None:
    """Refuse missing and wrong arguments.

    Args:
        tool: The inner name.
        given: The arguments.

    Raises:
        ToolError: With pydantic's text.
    """
    problems = list(_object(SCHEMAS[tool])("", dict(given)))
    if problems:
        count = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
        raise ToolError("\n".join([f"{count} for {tool}Arguments", *map(str, problems)]))


def _string(place: str, value: object) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(place, "string_type", "Input should be a valid string", value)
    elif not value.isascii() and not _is_unicode(value):
        yield Problem(place, "string_unicode", "Input should be a valid string, unable to parse as unicode", value)


def _is_unicode(value: str) -> bool:
    """Whether a text has no half of a surrogate pair, which JSON can smuggle in and no file or program can take."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _path(place: str, value: object) -> Iterator[Problem]:
    yield from _string(place, value)
    if isinstance(value, str) and "\0" in value:
        yield Problem(place, "value_error", "Value error, a path cannot hold a NUL character", value)


def _command(place: str, value: object) -> Iterator[Problem]:
    yield from _string(place, value)
    if isinstance(value, str) and "\0" in value:
        yield Problem(place, "value_error", "Value error, a command cannot hold a NUL character", value)


def _boolean(place: str, value: object) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(place, "bool_type", "Input should be a valid boolean", value)


def _list(inner: Check) -> Check:
    def check_list(place: str, value: object) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(place, "list_type", "Input should be a valid list", value)
            return
        for position, element in enumerate(value):
            yield from inner(f"{place}.{position}", element)

    return check_list


def _object(fields: Mapping[str, Check]) -> Check:
    """Return the check of an object; a field whose name ends with `?` may be missing."""

    def check_object(place: str, value: object) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(place, "dict_type", "Input should be a valid dictionary", value)
            return
        for field, inner in fields.items():
            name, at = field.rstrip("?"), f"{place}.{field.rstrip('?')}".lstrip(".")
            if value.get(name) is not None:
                yield from inner(at, value[name])
            elif not field.endswith("?"):
                yield Problem(at, "missing", "Field required", value)

    return check_object


def _file(place: str, value: object) -> Iterator[Problem]:
    yield from _object({"path": _path, "text?": _string, "blob?": _string})(place, value)
    if isinstance(value, dict) and value.get("text") is None and value.get("blob") is None:
        yield Problem(f"{place}.text", "missing", "Field required", value)


def _shortened(value: object) -> str:
    text = repr(value)
    encoded = text.encode(errors="replace")
    if len(encoded) <= SHOWN:
        return text
    return f"{encoded[:25].decode(errors='ignore')}...{encoded[-24:].decode(errors='ignore')}"


SCHEMAS: dict[str, dict[str, Check]] = {
    "execute_code": {"code": _string, "language?": _string, "clearContext?": _boolean, "runtime?": _string},
    "execute_command": {"command": _command},
    "read_files": {"paths": _list(_path)},
    "list_files": {"path?": _path, "directoryPath?": _path},
    "remove_files": {"paths": _list(_path)},
    "write_files": {"content": _list(_file)},
    "start_command_execution": {"command": _command},
    "get_task": {"taskId": _string},
    "stop_task": {"taskId": _string},
}
