from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from plugin_build import source_tree
from plugin_build.source_tree import BuildError
from support.build_folders import MANIFEST, NAME, build, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def listing(folder: Path) -> dict[str, str]:
    """Each file below a folder with its permissions."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): stat.filemode(path.stat().st_mode) for path in files}


PROGRAM_FILES = {
    "LICENSE": "-rw-r--r--",
    "SHA256SUMS": "-rw-r--r--",
    "THIRD_PARTY_NOTICES": "-rw-r--r--",
    "sbom.cdx.json": "-rw-r--r--",
    "bin/agentcore-sandbox": "-rwxr-xr-x",
    "lib/start.py": "-rw-r--r--",
    "zipapps/agentcore-sandbox-any.pyz": "-rwxr-xr-x",
    "zipapps/agentcore-sandbox-linux-amd64.pyz": "-rwxr-xr-x",
}
PLUGIN_FILES = {
    **PROGRAM_FILES,
    ".claude-plugin/icon.png": "-rw-r--r--",
    ".claude-plugin/plugin.json": "-rw-r--r--",
    ".gitattributes": "-rw-r--r--",
    "README.md": "-rw-r--r--",
    "hooks/skill_guard/__init__.py": "-rw-r--r--",
    "skills/code-interpreter-execute/SKILL.md": "-rw-r--r--",
    "skills/code-interpreter-execute/references/aws.md": "-rw-r--r--",
}
PORTABLE_FILES = {
    **PROGRAM_FILES,
    ".codex-plugin/plugin.json": "-rw-r--r--",
    ".gitattributes": "-rw-r--r--",
    "gemini-extension.json": "-rw-r--r--",
    "mcp.json": "-rw-r--r--",
    "plugin.json": "-rw-r--r--",
    "skills/code-interpreter/SKILL.md": "-rw-r--r--",
    "skills/code-interpreter/references/aws.md": "-rw-r--r--",
}


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_plugin_is_template_zipapps_licence_and_version(source: Path, environment: dict[str, str], mask: int) -> None:
    write(source / "plugin-template/bin/__pycache__/left.pyc", "not shipped")
    before = os.umask(mask)
    try:
        build(source, "plugin", environment=environment)
    finally:
        os.umask(before)
    plugin = source / "dist/plugin" / NAME
    assert listing(plugin) == PLUGIN_FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in (plugin, *plugin.rglob("*/"))} <= {0o755, 0o644}
    assert json.loads(plugin.joinpath(".claude-plugin/plugin.json").read_text()) == {**MANIFEST, "version": "0.1.0"}
    assert listing(source / "dist/portable" / NAME) == PORTABLE_FILES
    skill = plugin.joinpath("skills/code-interpreter-execute/SKILL.md").read_text("utf-8")
    assert skill.startswith("--- \nname: "), "so that Gemini CLI leaves it out"
    assert list(source.joinpath("dist/plugin").iterdir()) == [plugin]


def test_staging_again_replaces_what_was_there(built: Path, environment: dict[str, str]) -> None:
    built.joinpath("plugin-template/README.md").unlink()
    write(built / "plugin-template/NEWS.md", "new")
    build(built, "plugin", environment=environment)
    expected = {**PLUGIN_FILES, "NEWS.md": "-rw-r--r--"}
    del expected["README.md"]
    assert listing(built / "dist/plugin" / NAME) == expected


def test_marketplace_is_a_repository_layout(built: Path) -> None:
    assert set(listing(built / "dist/marketplace")) == {
        ".agents/plugins/marketplace.json",
        ".claude-plugin/marketplace.json",
        "LICENSE",
        "README.md",
        *(f"plugins/{NAME}/{path}" for path in PLUGIN_FILES),
        *(f"portable/{NAME}/{path}" for path in PORTABLE_FILES),
    }


def break_zipapp(source: Path) -> None:
    source.joinpath("dist/zipapps/agentcore-sandbox-any.pyz").unlink()


def break_manifest(source: Path) -> None:
    write(source / "plugin-template/.claude-plugin/plugin.json", "{")


def break_name(source: Path) -> None:
    write(source / "plugin-template/.claude-plugin/plugin.json", "[]")


def break_link(source: Path) -> None:
    source.joinpath("plugin-template/link").symlink_to("/etc/hostname")


def break_version(source: Path) -> None:
    write(source / "src/agentcore_sandbox/__init__.py", "")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_zipapp, "agentcore-sandbox-any.pyz is missing; `nox -s build` makes it"),
        (break_manifest, "plugin.json cannot be read"),
        (break_name, "plugin.json is not a JSON object"),
        (break_link, "holds symbolic links, which do not survive an install: link"),
        (break_version, "sets no __version__"),
    ],
)
def test_missing_part_is_named_and_older_plugin_stays(
    built: Path, environment: dict[str, str], damage: Callable[[Path], None], message: str
) -> None:
    plugin = listing(built / "dist/plugin")
    damage(built)
    done = build(built, "plugin", environment=environment, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert listing(built / "dist/plugin") == plugin


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ([], f"exactly one entry named {NAME}, it has 0"),
        ([{"name": NAME, "source": "./elsewhere"}], f"the source of {NAME} must be ./plugins/{NAME}"),
        ("none", "has no list of plugins"),
    ],
)
def test_catalogue_must_agree_with_the_plugin(
    built: Path, environment: dict[str, str], plugins: object, message: str
) -> None:
    write(built / "marketplace/.claude-plugin/marketplace.json", json.dumps({"plugins": plugins}))
    done = build(built, "plugin", environment=environment, check=False)
    assert done.returncode == 1
    assert message in done.stderr


def test_failure_while_staging_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "target"

    def fail_half_way() -> None:
        with source_tree.staged_folder(target) as staged:
            write(staged / "half", "")
            source_tree.copy_tree(tmp_path / "absent", staged)

    with pytest.raises(BuildError, match="absent is missing"):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []
