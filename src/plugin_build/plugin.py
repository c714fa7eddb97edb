"""Stage the plugin around the built zipapps, and the marketplace repository that offers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_build.source_tree import (
    BuildError,
    Project,
    add_root,
    copy_file,
    copy_tree,
    read_object,
    staged_folder,
    startup_files,
    write_object,
)

if TYPE_CHECKING:
    import argparse

MANIFEST = Path(".claude-plugin", "plugin.json")
CATALOGUE = Path(".claude-plugin", "marketplace.json")
PLUGINS = Path("plugins")
ZIPAPPS = Path("zipapps")
ACCOMPANYING = ("THIRD_PARTY_NOTICES", "sbom.cdx.json", "SHA256SUMS")  # what `build` writes about the zipapps
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


def stage_plugin(project: Project) -> Path:
    """Build `dist/plugin/<plugin name>/` around the zipapps in `dist/`, replacing an older one.

    Raises:
        BuildError: A part is missing.
    """
    manifest = read_manifest(project.template)
    target = project.dist / "plugin" / str(manifest["name"])
    with staged_folder(target) as staged:
        copy_tree(project.template, staged)
        copy_tree(project.root / "src/skill_guard", staged / "hooks/skill_guard")
        for path in (project.root / "LICENSE", *(project.dist / name for name in ACCOMPANYING)):
            copy_file(path, staged / path.name)
        start = staged / "lib" / "start.py"
        start.parent.mkdir(exist_ok=True)
        start.write_bytes(startup_files()[start.name])
        start.chmod(0o644)
        for zipapp in _built_zipapps(project.dist / ZIPAPPS):
            copy_file(zipapp, staged / ZIPAPPS / zipapp.name)
        write_object(staged / MANIFEST, {"name": manifest["name"], "version": project.version, **manifest})
    return target


def _built_zipapps(folder: Path) -> list[Path]:
    if not folder.joinpath(FALL_BACK).is_file():
        raise BuildError(f"{folder / FALL_BACK} is missing; `nox -s build` makes it")
    return sorted(folder.glob("agentcore-sandbox-*.pyz"))


def stage_marketplace(project: Project, plugin: Path) -> Path:
    """Build `dist/marketplace/`, the files of a repository that offers the built plugin, replacing older ones.

    Raises:
        BuildError: The catalogue does not offer the plugin.
    """
    source, target = project.root / "marketplace", project.dist / "marketplace"
    find_entry(read_catalogue(source), plugin.name)
    with staged_folder(target) as staged:
        copy_tree(source, staged)
        copy_file(project.root / "LICENSE", staged / "LICENSE")
        copy_tree(plugin, staged / PLUGINS / plugin.name)
    return target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `plugin`."""
    add_root(parser)


def run(options: argparse.Namespace) -> str:
    """Stage plugin and marketplace around the built zipapps."""
    plugin = stage_plugin(options.project)
    marketplace = stage_marketplace(options.project, plugin)
    return f"{plugin} holds version {options.project.version}\n{marketplace} is a marketplace with it"
