"""The plugin for Claude Code: its manifest, and its staging around the built zipapps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_build.source_tree import (
    BuildError,
    copy_file,
    copy_tree,
    files_below,
    read_object,
    staged_folder,
    startup_files,
    write_checksums,
    write_file,
    write_object,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugin_build.source_tree import Project

MANIFEST = Path(".claude-plugin", "plugin.json")
OTHERS = "portable"
"""The template's folder that is not for Claude Code: see `portable`."""
ZIPAPPS = Path("zipapps")
ACCOMPANYING = ("THIRD_PARTY_NOTICES", "sbom.cdx.json")  # what `build` writes about the zipapps
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


def stage_plugin(project: Project) -> Path:
    """Build `dist/plugin/<plugin name>/` around the zipapps in `dist/`, replacing an older one.

    Raises:
        BuildError: A part is missing.
    """
    manifest = read_manifest(project.template)
    target = project.dist / "plugin" / str(manifest["name"])
    with staged_folder(target) as staged:
        for path in files_below(project.template):
            if path.parts[0] != OTHERS:
                copy_file(project.template / path, staged / path)
        for skill in staged.glob("skills/*/SKILL.md"):
            _hide_from_others(skill)
        copy_tree(project.root / "src/skill_guard", staged / "hooks/skill_guard")
        for path in (project.root / "LICENSE", *(project.dist / name for name in ACCOMPANYING)):
            copy_file(path, staged / path.name)
        write_file(staged / "lib/start.py", startup_files()["start.py"])
        for zipapp in _built_zipapps(project.dist / ZIPAPPS):
            copy_file(zipapp, staged / ZIPAPPS / zipapp.name)
        write_checksums(staged)
        write_object(staged / MANIFEST, {"name": manifest["name"], "version": project.version, **manifest})
    return target


def _hide_from_others(skill: Path) -> None:
    """Have Gemini CLI leave out a skill, which only Claude Code holds to what it says: it wants a first line of `---`.

    Claude Code takes spaces behind it too. No key of the frontmatter says for whom a skill is.
    """
    first, _, rest = skill.read_bytes().partition(b"\n")
    skill.write_bytes(b"%s \n%s" % (first.rstrip(), rest))


def _built_zipapps(folder: Path) -> Sequence[Path]:
    if not folder.joinpath(FALL_BACK).is_file():
        raise BuildError(f"{folder / FALL_BACK} is missing; `nox -s build` makes it")
    return sorted(folder.glob("agentcore-sandbox-*.pyz"))
