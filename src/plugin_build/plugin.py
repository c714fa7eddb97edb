"""Stage the plugin: its template, the guard, the zipapps, the licences, and the version filled in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_build.archive import STARTUP
from plugin_build.documents import read_object, write_object
from plugin_build.errors import BuildError
from plugin_build.folders import add_root, say
from plugin_build.tree import copy_file, copy_tree, staged_folder
from plugin_build.version import read_version

if TYPE_CHECKING:
    import argparse

    from plugin_build.folders import Source

MANIFEST = Path(".claude-plugin", "plugin.json")
ZIPAPPS = Path("zipapps")
WORDS = Path("src/agentcore_sandbox/cli/words.py")
"""How a call is read, by the command line and the guard. The guard runs with `-I -S`, so no other package is found."""
PAPERS = ("THIRD_PARTY_NOTICES", "sbom.cdx.json", "SHA256SUMS")  # that `build` writes about the zipapps
FALL_BACK = "agentcore-sandbox-any.pyz"


def read_manifest(plugin: Path) -> dict[str, Any]:
    """The plugin.json of a plugin or of the template.

    Raises:
        BuildError: There is none, or it is not a JSON object with a name.
    """
    manifest = read_object(plugin / MANIFEST)
    if not isinstance(manifest.get("name"), str):
        raise BuildError(f"{plugin / MANIFEST} has no name")
    return manifest


def with_version(manifest: dict[str, Any], version: str) -> dict[str, Any]:
    """The manifest with its version, which stands right behind the name."""
    return {"name": manifest["name"], "version": version, **manifest}


def built_zipapps(folder: Path) -> list[Path]:
    """The zipapps to ship.

    Raises:
        BuildError: The one for every platform without its own is missing.
    """
    if not folder.joinpath(FALL_BACK).is_file():
        raise BuildError(f"{folder / FALL_BACK} is missing; `nox -s build` makes it")
    return sorted(folder.glob("agentcore-sandbox-*.pyz"))


def stage_plugin(source: Source, version: str) -> Path:
    """Build `dist/plugin/<plugin name>/`, replacing an older one.

    Args:
        source: The source tree, with the zipapps and what `build` wrote about them in its dist/.
        version: The version for the manifest, such as `0.2.0`.

    Returns:
        The plugin's folder.

    Raises:
        BuildError: A part is missing.
    """
    manifest = with_version(read_manifest(source.template), version)
    target = source.dist / "plugin" / str(manifest["name"])
    with staged_folder(target) as staged:
        copy_tree(source.template, staged)
        stage_guard(source, staged / "hooks")
        for paper in (source.root / "LICENSE", *(source.dist / name for name in PAPERS)):
            copy_file(paper, staged / paper.name)
        copy_file(STARTUP / "start.py", staged / "lib" / "start.py")
        for zipapp in built_zipapps(source.dist / ZIPAPPS):
            copy_file(zipapp, staged / ZIPAPPS / zipapp.name)
        write_object(staged / MANIFEST, manifest)
    return target


def stage_guard(source: Source, hooks: Path) -> None:
    """Copy the guard into the folder of the hooks, with the module of the command line that it shares."""
    copy_tree(source.guard, hooks / source.guard.name)
    shared = hooks / WORDS.relative_to("src")
    shared.parent.mkdir(parents=True)
    copy_file(source.root / WORDS, shared)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `plugin`."""
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Stage the plugin around the built zipapps."""
    version = read_version(options.source.root)
    say(f"{stage_plugin(options.source, version)} holds version {version}")
    return 0
