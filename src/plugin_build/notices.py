"""THIRD_PARTY_NOTICES: name, licence, source and licence text of everything in a zipapp that is not ours."""

from __future__ import annotations

from importlib.metadata import PathDistribution
from typing import TYPE_CHECKING

from plugin_build.components import BUNDLED, LICENCE_TEXTS, Component, locked
from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "=" * 100
_HEAD = """\
agentcore-sandbox ships with the works below, each under the licence that follows it, unchanged but for files left out,
and the parts of boto3, botocore, jmespath, python-dateutil, s3transfer and urllib3 that are cut to what is used, or
changed to do it when it is wanted.
"""


def write(target: Path, lock: str, wheels: Path) -> None:
    """Write the notices of one zipapp.

    Args:
        target: The file to write.
        lock: The name of the lock file that the wheels were installed from.
        wheels: The folder of the installed wheels, with their metadata.

    Raises:
        BuildError: A distribution brings no licence text, or nobody has said what its licence is.
    """
    texts = {_name(folder): _licence_text(folder) for folder in wheels.glob("*.dist-info")}
    sections = [_section(work, texts[work.name]) for work in locked(lock) if work.name in texts]
    inside = [work for work in BUNDLED if work.within in {"", *texts}]
    sections += [_section(work, (LICENCE_TEXTS / work.text).read_text(encoding="utf-8")) for work in inside]
    target.write_text("\n".join([_HEAD, *sections]), encoding="utf-8")


def _name(dist_info: Path) -> str:
    return PathDistribution(dist_info).metadata["Name"]


def _licence_text(dist_info: Path) -> str:
    files = [path for path in dist_info.rglob("*") if path.name.startswith(("LICENSE", "LICENCE", "NOTICE", "COPYING"))]
    if not files:
        raise BuildError(f"{dist_info.name} has no licence text: add it to BUNDLED in plugin_build.components")
    return "\n".join(path.read_text(encoding="utf-8").strip("\n") for path in sorted(files)) + "\n"


def _section(component: Component, text: str) -> str:
    title = " ".join(filter(None, (component.name, component.version)))
    within = f" (in {component.within})" if component.within else ""
    return f"{_RULE}\n{title}{within}\nLicence: {component.licence}\nSource: {component.source}\n{_RULE}\n\n{text}"
