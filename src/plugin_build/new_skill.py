"""Begin a skill of one's own from the template: a folder in the plugin's template, guarded like the others."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from plugin_build.source_tree import (
    BuildError,
    add_root,
    copy_tree,
    files_below,
    read_object,
    staged_folder,
    write_object,
)

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from plugin_build.source_tree import Project

LONGEST_NAME = 64  # characters of a skill's name, and below of its description: the limits of Agent Skills
LONGEST_DESCRIPTION = 1024
END_OF_NAMES = ")$"


def make_skill(project: Project, name: str, description: str) -> Path:
    """Make the skill's folder, and let the guard know its name.

    Args:
        project: The source tree.
        name: Such as `s3-inventory`; the folder's name too.
        description: What the skill does, on one line.

    Returns:
        The folder.

    Raises:
        BuildError: The name or the description cannot be used, or there is such a skill.
    """
    _check(name, description)
    target = project.template / "skills" / name
    if target.exists():
        raise BuildError(f"{target} exists; choose another name, or change what is there")
    hooks = project.template / "hooks/expansion.json"
    armed = _with_name(read_object(hooks), name)
    with staged_folder(target) as staged:
        copy_tree(project.root / "src/plugin_build/skill_template", staged)
        for path in files_below(staged):
            _fill_in(staged / path, name, description)
        write_object(hooks, armed)
    return target


def _check(name: str, description: str) -> None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > LONGEST_NAME:
        raise BuildError(
            f"{name!r} is no name for a skill: small letters and digits with hyphens, such as s3-inventory"
        )
    if not description.isprintable() or not 0 < len(description.strip()) <= LONGEST_DESCRIPTION:
        raise BuildError(f"the description must be one line of at most {LONGEST_DESCRIPTION} characters")


def _fill_in(path: Path, name: str, description: str) -> None:
    title = name.replace("-", " ").capitalize()
    text = path.read_text("utf-8").replace("SKILL_NAME", name).replace("SKILL_TITLE", title)
    # A JSON string is a YAML string, whatever is in it.
    path.write_text(text.replace("SKILL_DESCRIPTION", json.dumps(description.strip(), ensure_ascii=False)), "utf-8")


def _with_name(hooks: dict[str, Any], name: str) -> dict[str, Any]:
    """The hooks, with the skill's bare name among those that arm the guard."""
    entry = hooks["hooks"]["UserPromptExpansion"][0]
    matcher = str(entry["matcher"])
    if not matcher.endswith(END_OF_NAMES):
        raise BuildError(
            f"the matcher of UserPromptExpansion in expansion.json does not end with {END_OF_NAMES}: {matcher}"
        )
    entry["matcher"] = f"{matcher.removesuffix(END_OF_NAMES)}|{name}{END_OF_NAMES}"
    return hooks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `new-skill`."""
    add_root(parser)
    parser.add_argument("name", help="such as s3-inventory")
    parser.add_argument("description", help="what it does, in a sentence")


def run(options: argparse.Namespace) -> str:
    """Make a skill."""
    return f"{make_skill(options.project, options.name, options.description)}: now see docs/own-skill.md"
