"""Every example of the skill that works with the command line: accepted by the guard, and run in the emulator.

Those that call AWS run where there is a network, against a pretend account on loopback.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.isolation import python
from skill_guard.bash_calls import check
from support import tables
from support.build_folders import ROOT, write
from support.examples import as_part_of, examples, frontmatter, run_as_claude_would, with_account
from support.trail import denied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.logs_server import LogsServer
    from support.processes import CommandLine

TEMPLATE = ROOT / "plugin-template"
SKILL = TEMPLATE / "skills/code-interpreter-execute-cli/SKILL.md"
DOCUMENTS = sorted(SKILL.parent.rglob("*.md"))
INLINE = re.compile(r"`(agentcore-sandbox [^`]*)`")
SHOWN = [shown for document in DOCUMENTS for shown in INLINE.findall(document.read_text("utf-8"))]
LAUNCHER = '"${CLAUDE_PLUGIN_ROOT}/bin/agentcore-sandbox"'


def name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that examples name."""
    folder = tmp_path / "project"
    write(folder / "example.py", "print('an example')\n")
    write(folder / "data.csv", "month,sum\n2026-10,1\n2026-11,2\n")
    return folder


@pytest.mark.parametrize("shown", SHOWN)
def test_guard_accepts_what_is_shown_between_the_lines(shown: str, project: Path) -> None:
    command = re.sub(r"\[[^]]*\]|\.\.\.", "", shown).replace("\\|", "|")
    assert not check({"command": command}, str(project), {})


@pytest.fixture(scope="module")
def account() -> Iterator[LogsServer]:
    """What the examples look for on AWS."""
    from support import logs_server  # it loads moto

    with logs_server.serve() as server:
        server.put("my-trail", [(int(time.time() * 1000), denied())])
        yield server


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TEMPLATE, tmp_path / "plugin"))


@pytest.fixture
def equipped(local: CommandLine, plugin: Path) -> CommandLine:
    """The emulator with the packages and programs of AWS's interpreters that examples use."""
    return as_part_of(plugin, local.using(**{python.VARIABLE: sys.executable}))


@pytest.mark.parametrize("document", tables.first(1, DOCUMENTS), ids=name)
def test_examples_are_accepted_and_run_one_after_the_other(
    document: Path, equipped: CommandLine, project: Path, plugin: Path, account: LogsServer
) -> None:
    shown = examples(document, plugin)
    assert shown
    for example in shown:
        assert not check({"command": example}, str(project), {"CLAUDE_PLUGIN_ROOT": str(plugin)})
        done = run_as_claude_would(with_account(example, account), equipped, project)
        assert done.returncode == 0 or "has no runtime for typescript" in done.stderr, (example, done.stderr)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_block_is_an_example(document: Path) -> None:
    text = document.read_text("utf-8")
    assert text.count("\n```") == 2 * len(examples(document, TEMPLATE))


def test_frontmatter_allows_locked_calls_only() -> None:
    assert frontmatter(SKILL)["allowed-tools"] == [
        "Bash(agentcore-sandbox --locked *)",
        f"Bash({LAUNCHER} --locked *)",
    ]
