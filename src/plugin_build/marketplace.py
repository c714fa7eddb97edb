"""The marketplace repository: its catalogues, and its staging with the plugin and the packages for other agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_build import portable
from plugin_build.plugin import OTHERS, read_manifest, stage_plugin
from plugin_build.source_tree import (
    BuildError,
    add_root,
    copy_file,
    copy_tree,
    read_object,
    staged_folder,
    write_checksums,
    write_object,
)

if TYPE_CHECKING:
    import argparse

    from plugin_build.source_tree import Project

CATALOGUE = Path(".claude-plugin", "marketplace.json")
CATALOGUE_OF_CODEX = Path(".agents", "plugins", "marketplace.json")
"""Codex prefers it to Claude Code's."""
CATALOGUES = {CATALOGUE: "plugins", CATALOGUE_OF_CODEX: OTHERS}
"""Each with the folder that it offers from."""
ASKED_BY_CODEX = {"policy": {"installation": "AVAILABLE", "authentication": "ON_USE"}}
"""Of an entry in its catalogue: https://skillsaw.org/rules/codex-marketplace-json-valid/"""


def read_catalogue(marketplace: Path, path: Path = CATALOGUE) -> dict[str, Any]:
    """A catalogue of a marketplace.

    Raises:
        BuildError: There is none, or it is not JSON with a list of plugins.
    """
    catalogue = read_object(marketplace / path)
    entries = catalogue.get("plugins")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BuildError(f"{marketplace / path} has no list of plugins")
    return catalogue


def find_entry(marketplace: Path, path: Path, name: str) -> dict[str, Any]:
    """A catalogue's entry for a plugin.

    Raises:
        BuildError: It has none, or one whose source is not the folder of the plugin. Both faults pass
            `claude plugin validate --strict`; an install then fails.
    """
    entries = [entry for entry in read_catalogue(marketplace, path)["plugins"] if entry.get("name") == name]
    if len(entries) != 1:
        raise BuildError(f"{path} needs exactly one entry named {name}, it has {len(entries)}")
    if entries[0].get("source") != (source := f"./{CATALOGUES[path]}/{name}"):
        raise BuildError(f"{path}: the source of {name} must be {source}")
    return dict(entries[0])


def stage_marketplace(project: Project, plugin: Path, others: Path) -> Path:
    """Build `dist/marketplace/`, the files of a repository that offers both folders, replacing older ones.

    Raises:
        BuildError: The catalogue does not offer the plugin.
    """
    source, target = project.root / "marketplace", project.dist / "marketplace"
    offered = find_entry(source, CATALOGUE, plugin.name)
    with staged_folder(target) as staged:
        copy_tree(source, staged)
        copy_file(project.root / "LICENSE", staged / "LICENSE")
        for (path, folder), built in zip(CATALOGUES.items(), (plugin, others), strict=True):
            asked = ASKED_BY_CODEX if path == CATALOGUE_OF_CODEX else {}
            entry = {**offered, "source": f"./{folder}/{plugin.name}", **asked}
            write_object(staged / path, {**read_catalogue(source), "plugins": [entry]})
            copy_tree(built, staged / folder / plugin.name)
    return target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `plugin`."""
    add_root(parser)


def run(options: argparse.Namespace) -> str:
    """Stage plugin, packages for other agents and marketplace around the built zipapps."""
    project = options.project
    plugin = stage_plugin(project)
    summary = str(read_catalogue(project.root / "marketplace").get("description"))
    package = portable.Package(read_manifest(project.template), project.version, summary)
    others = portable.stage_folder(project, plugin, package)
    bundle = portable.make_bundle(project, plugin, package)
    marketplace = stage_marketplace(project, plugin, others)
    write_checksums(project.dist)
    return (
        f"{plugin} holds version {project.version}\n{others} and {bundle} are for other agents\n"
        f"{marketplace} is a marketplace with them"
    )
