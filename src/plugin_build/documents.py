"""Read and write the JSON documents that a plugin and a marketplace are described by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path


def read_object(path: Path) -> dict[str, Any]:
    """A file's JSON object.

    Raises:
        BuildError: The file is missing, is not JSON, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise BuildError(f"{path} is not a JSON object")
    return value


def write_object(path: Path, value: dict[str, Any]) -> None:
    """Write JSON the way people edit it: indented, unescaped, with a final newline."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
