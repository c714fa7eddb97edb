"""Stage the marketplace: a complete repository layout that `claude plugin marketplace add` takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_build.documents import read_object
from plugin_build.errors import BuildError
from plugin_build.folders import add_root, say
from plugin_build.plugin import read_manifest
from plugin_build.tree import copy_file, copy_tree, staged_folder

if TYPE_CHECKING:
    import argparse

CATALOGUE = Path(".claude-plugin", "marketplace.json")
PLUGINS = Path("plugins")


def read_catalogue(marketplace: Path) -> dict[str, Any]:
    """The marketplace.json of a marketplace.

    Raises:
        BuildError: There is none, or it is not JSON with a list of plugins.
    """
    catalogue = read_object(marketplace / CATALOGUE)
    entries = catalogue.get("plugins")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BuildError(f"{marketplace / CATALOGUE} has no list of plugins")
    return catalogue


def find_entry(catalogue: dict[str, Any], name: str) -> dict[str, Any]:
    """The catalogue's entry for a plugin.

    Raises:
        BuildError: It has none, or one whose source is not `./plugins/<name>`. Both faults pass
            `claude plugin validate --strict`; an install then fails.
    """
    entries = [entry for entry in catalogue["plugins"] if entry.get("name") == name]
    if len(entries) != 1:
        raise BuildError(f"{CATALOGUE} needs exactly one entry named {name}, it has {len(entries)}")
    if entries[0].get("source") != f"./{PLUGINS.as_posix()}/{name}":
        raise BuildError(f"{CATALOGUE}: the source of {name} must be ./{PLUGINS.as_posix()}/{name}")
    return dict(entries[0])


def stage_marketplace(source: Path, plugin: Path, notices: list[Path], target: Path) -> Path:
    """Build the marketplace repository's files, replacing older ones.

    Args:
        source: The folder `marketplace/`.
        plugin: The built plugin's folder, named like its manifest.
        notices: Licence files for the repository's top folder.
        target: Such as `dist/marketplace`.

    Returns:
        The target.

    Raises:
        BuildError: The catalogue, the plugin's folder and its manifest do not agree on the name.
    """
    name = read_manifest(plugin)["name"]
    if plugin.name != name:
        raise BuildError(f"the plugin {name} must lie in a folder of that name, not {plugin.name}")
    find_entry(read_catalogue(source), name)
    with staged_folder(target) as staged:
        copy_tree(source, staged)
        for notice in notices:
            copy_file(notice, staged / notice.name)
        copy_tree(plugin, staged / PLUGINS / name)
    return target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `marketplace`."""
    add_root(parser)


def run(options: argparse.Namespace) -> int:
    """Stage the marketplace around the built plugin."""
    source = options.source
    plugin = source.dist / "plugin" / read_manifest(source.template)["name"]
    folder = stage_marketplace(source.marketplace, plugin, [source.root / "LICENSE"], source.dist / "marketplace")
    say(f"{folder} is a marketplace with {plugin.name}")
    return 0
