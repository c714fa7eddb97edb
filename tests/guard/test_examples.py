"""Every example of the skills and of the plugin's README: accepted by the guard, and run in the embedded service."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from skill_guard.policy import check
from skill_guard.values import Context
from support.build_folders import ROOT, write
from support.processes import DEADLINE, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "plugin-template"
DOCUMENTS = sorted(TEMPLATE.rglob("*.md"))
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(agentcore-sandbox [^`]*)`")
PLUGIN_ROOT = "/plugins/code-interpreter"


def examples(document: Path) -> list[str]:
    """The commands in a document: one to a block."""
    return [block.replace("${CLAUDE_PLUGIN_ROOT}", PLUGIN_ROOT) for block in BLOCK.findall(document.read_text("utf-8"))]


def name(document: Path) -> str:
    return str(document.relative_to(TEMPLATE))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that examples name."""
    folder = tmp_path / "project"
    write(folder / "example.py", "print('an example')\n")
    write(folder / "data.csv", "month,sum\n2026-10,1\n2026-11,2\n")
    return folder


@pytest.fixture
def context(project: Path) -> Context:
    variables = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local", "CLAUDE_PLUGIN_ROOT": PLUGIN_ROOT}
    return Context(str(project), variables)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_guard_accepts_what_is_shown_between_the_lines(document: Path, context: Context) -> None:
    for shown in INLINE.findall(document.read_text("utf-8")):
        check(re.sub(r"\[[^]]*\]|\.\.\.", "", shown).replace("\\|", "|"), context)


def may_fail(example: str, output: str) -> bool:
    """Whether an example needs what a machine without an AWS account, or without deno, does not have."""
    needs_aws = "boto3" in example or "aws " in example
    return needs_aws or "has no runtime for typescript" in output


def run_as_claude_would(example: str, local: CommandLine, project: Path) -> subprocess.CompletedProcess[str]:
    """Give a whole example to a shell that has `agentcore-sandbox` on its PATH."""
    words = " ".join(f"'{word}'" for word in local.command)
    write(local.home / "bin/agentcore-sandbox", f'#!/bin/sh\nexec {words} "$@"\n', 0o755)
    return subprocess.run(
        ["/bin/sh", "-c", example],
        cwd=project,
        env=local.environment(PATH=f"{local.home / 'bin'}:{local.base['PATH']}"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_examples_are_accepted_and_run_one_after_the_other(
    document: Path, local: CommandLine, project: Path, context: Context
) -> None:
    for example in examples(document):
        check(example, context)
        done = run_as_claude_would(example, local, project)
        assert done.returncode == 0 or may_fail(example, done.stderr), (example, done.stderr)
        assert done.returncode != 2, (example, done.stderr)


def test_there_are_examples() -> None:
    assert len([example for document in DOCUMENTS for example in examples(document)]) > 20


def test_skill_is_short_and_its_frontmatter_parses() -> None:
    text = TEMPLATE.joinpath("skills/code-interpreter-execute/SKILL.md").read_text("utf-8")
    assert len(text.splitlines()) <= 200
