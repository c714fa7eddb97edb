"""The product's version: one line of the package, read and set here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

VERSION_FILE = "src/agentcore_sandbox/__init__.py"
VERSION_LINE = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.MULTILINE)


def numbers(version: str) -> tuple[int, ...]:
    """A version's three numbers.

    Raises:
        BuildError: It is not of the form `X.Y.Z`.
    """
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise BuildError(f"{version!r} is not a version of the form X.Y.Z")
    return tuple(int(part) for part in version.split("."))


def read_version(root: Path) -> str:
    """The version in the source.

    Raises:
        BuildError: The line that sets it is missing.
    """
    found = VERSION_LINE.search(root.joinpath(VERSION_FILE).read_text("utf-8"))
    if not found:
        raise BuildError(f"{VERSION_FILE} sets no __version__")
    return found[1]


def write_version(root: Path, version: str) -> None:
    """Set the version in the source."""
    path = root / VERSION_FILE
    path.write_text(VERSION_LINE.sub(f'__version__ = "{version}"', path.read_text("utf-8")), "utf-8")
