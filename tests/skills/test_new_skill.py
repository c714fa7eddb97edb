"""A skill of one's own as docs/own-skill.md says: made, guarded, and its examples run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.isolation import python
from support.build_folders import ROOT, build, git_environment
from support.examples import as_part_of, call_with_account, frontmatter, tool_calls
from support.mcp_client import serving

if TYPE_CHECKING:
    from pathlib import Path

    from support.logs_server import LogsServer
    from support.processes import CommandLine

PAGE = ROOT / "docs/own-skill.md"
COMMAND = re.compile(r"^\.venv/bin/nox -s new-skill -- (.*)$", re.MULTILINE)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree with what a skill is made from and put into."""
    for name in ("plugin-template", "src/plugin_build/skill_template"):
        shutil.copytree(ROOT / name, tmp_path / "source" / name)
    return tmp_path / "source"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return git_environment(tmp_path / "git-home")


def words_of_the_page() -> list[str]:
    """The name and the description that the page gives as an example."""
    [line] = COMMAND.findall(PAGE.read_text("utf-8"))
    return shlex.split(line)


def test_skill_of_the_page_is_guarded_and_its_examples_run(
    source: Path, environment: dict[str, str], logs: LogsServer, local: CommandLine
) -> None:
    name, description = words_of_the_page()
    assert "docs/own-skill.md" in build(source, "new-skill", name, description, environment=environment).stdout
    plugin = source / "plugin-template"
    document = plugin / "skills" / name / "SKILL.md"
    assert (frontmatter(document)["name"], frontmatter(document)["description"]) == (name, description)
    assert "SKILL_" not in document.read_text("utf-8")
    logs.client("s3").create_bucket(Bucket="the-first-one")
    here = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local-public", "CLAUDE_PLUGIN_ROOT": str(plugin)}
    equipped = as_part_of(plugin, local.using(**{python.VARIABLE: sys.executable, **here}))
    calls = tool_calls(document, plugin)
    assert len(calls) > 1
    with serving(equipped) as client:
        client.initialize()
        for tool, arguments in calls:
            value = call_with_account(client, tool, arguments, logs)
            assert (value["exitCode"], "the-first-one" in value["stdout"]) == (0, True), value


def test_the_page_names_files_that_are_there(source: Path, environment: dict[str, str]) -> None:
    build(source, "new-skill", *words_of_the_page(), environment=environment)
    named = re.findall(r"`?\b((?:plugin-template|tests|skills)/[\w./-]+)", PAGE.read_text("utf-8"))
    assert len(named) > 5
    for path in named:
        places = (source / path, source / "plugin-template" / path, ROOT / path)
        assert path.startswith("skills/NAME/") or any(place.exists() for place in places), path


def test_guard_is_armed_for_the_new_skill_and_the_others(source: Path, environment: dict[str, str]) -> None:
    build(source, "new-skill", "s3-inventory", "Lists buckets.", environment=environment)
    hooks = json.loads(source.joinpath("plugin-template/hooks/expansion.json").read_text())
    before = json.loads(ROOT.joinpath("plugin-template/hooks/expansion.json").read_text())
    matcher = re.compile(hooks["hooks"]["UserPromptExpansion"][0].pop("matcher"))
    before["hooks"]["UserPromptExpansion"][0].pop("matcher")
    assert hooks == before
    skills = [*(path.parent.name for path in source.glob("plugin-template/skills/*/SKILL.md"))]
    assert "s3-inventory" in skills
    for skill in skills:
        assert matcher.search(skill)
        assert matcher.search(f"aws-bedrock-agentcore-codeinterpreter:{skill}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WRONG = {
    "capitals": ("S3", "x", "'S3' is no name for a skill"),
    "a path": ("../s3", "x", "'../s3' is no name for a skill"),
    "a pattern": ("s3|.*", "x", "is no name for a skill"),
    "no name": ("", "x", "is no name for a skill"),
    "too long": ("s" * 65, "x", "is no name for a skill"),
    "there already": ("cloudtrail-access-denied", "x", "exists; choose another name"),
    "no description": ("s3-inventory", " ", "the description must be one line"),
    "two lines": ("s3-inventory", "x\nname: y", "the description must be one line"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_words_change_nothing(source: Path, environment: dict[str, str], case: str) -> None:
    name, description, message = WRONG[case]
    before = contents(source)
    done = build(source, "new-skill", name, description, environment=environment, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert contents(source) == before


@pytest.mark.parametrize("description", ['Says "hello": #1 \\ {x}', "é: - & * !"])
def test_any_description_is_the_one_that_arrives(source: Path, environment: dict[str, str], description: str) -> None:
    build(source, "new-skill", "odd", description, environment={**environment, "PYTHONUTF8": "1"})
    assert frontmatter(source / "plugin-template/skills/odd/SKILL.md")["description"] == description


def test_nothing_is_left_where_the_hooks_cannot_be_changed(source: Path, environment: dict[str, str]) -> None:
    hooks = source / "plugin-template/hooks/expansion.json"
    hooks.write_text(hooks.read_text().replace(")$", ")"))
    done = build(source, "new-skill", "s3-inventory", "x", environment=environment, check=False)
    assert "does not end with )$" in done.stderr
    skills = source / "plugin-template/skills"
    assert {path.name for path in skills.iterdir()} == {path.parent.name for path in skills.glob("*/SKILL.md")}
    assert not skills.joinpath("s3-inventory").exists()
