"""Checking a tool's arguments; the messages are pydantic's, as recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .payloads import ToolError

REQUIRED = {
    "execute_code": ("code",),
    "execute_command": ("command",),
    "read_files": ("paths",),
    "remove_files": ("paths",),
    "write_files": ("content",),
    "start_command_execution": ("command",),
    "get_task": ("taskId",),
    "stop_task": ("taskId",),
}
MORE = "    For further information visit https://errors.pydantic.dev/2.10/v/"


def snake_case(name: str) -> str:
    """Return the service's inner name of a tool: `readFiles` -> `read_files`."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def check(tool: str, given: Mapping[str, Any]) -> None:
    """Refuse missing arguments.

    Raises:
        ToolError: With pydantic's text.
    """
    missing = [name for name in REQUIRED.get(tool, ()) if given.get(name) is None]
    if missing:
        count = "1 validation error" if len(missing) == 1 else f"{len(missing)} validation errors"
        value = f"[type=missing, input_value={_shortened(dict(given))}, input_type=dict]"
        lines = [f"{name}\n  Field required {value}\n{MORE}missing" for name in missing]
        raise ToolError("\n".join([f"{count} for {tool}Arguments", *lines]))


def _shortened(value: object) -> str:
    """Return a representation as pydantic-core shortens it: 25 characters, dots, 24 characters."""
    text = repr(value)
    return text if len(text) <= 50 else f"{text[:25]}...{text[-24:]}"
