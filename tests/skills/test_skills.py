"""The skills: what their frontmatter says, and every example of those that work with the server's tools."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.isolation import python
from agentcore_sandbox.mcp.tools import TOOLS
from skill_guard import guarded_prompts, hook
from support import tables
from support.build_folders import ROOT, write
from support.examples import as_part_of, call_with_account, frontmatter, tool_calls
from support.mcp_client import serving
from support.trail import denied

if TYPE_CHECKING:
    from support.local import Local
    from support.logs_server import LogsServer

TEMPLATE = ROOT / "plugin-template"
NEW_SKILL = ROOT / "src/plugin_build/skill_template/SKILL.md"
SKILLS = [*sorted(TEMPLATE.glob("skills/*/SKILL.md")), NEW_SKILL]
WITH_TOOLS = [skill for skill in SKILLS if not skill.parent.name.endswith("-cli")]
DOCUMENTS = [path for skill in WITH_TOOLS for path in sorted(skill.parent.rglob("*.md")) if skill != NEW_SKILL]
# Tools that write on this machine, reach the network, or start what these rules would not hold for.
ELSEWHERE = {"Agent", "Edit", "NotebookEdit", "PowerShell", "Skill", "Task", "WebFetch", "WebSearch", "Write"}


def name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("skill", SKILLS, ids=name)
def test_skill_is_short_and_its_frontmatter_says_what_it_must(skill: Path) -> None:
    assert len(skill.read_text("utf-8").splitlines()) <= 200
    found = frontmatter(skill)
    assert found["name"] in (skill.parent.name, "SKILL_NAME")
    assert isinstance(found["argument-hint"], str)
    assert found["disable-model-invocation"] is True
    assert set(found["disallowed-tools"]) - {"Bash"} == set(frontmatter(SKILLS[0])["disallowed-tools"]) - {"Bash"}
    assert set(found["disallowed-tools"]) >= ELSEWHERE
    assert ("Bash" in found["disallowed-tools"]) == (skill in WITH_TOOLS)


@pytest.mark.parametrize("skill", WITH_TOOLS, ids=name)
def test_all_tools_of_the_server_and_no_others_are_allowed(skill: Path) -> None:
    full_names = {hook.SERVER + tool for tool in TOOLS}
    assert set(frontmatter(skill)["allowed-tools"]) == full_names == hook.OF_A_KIND[guarded_prompts.TOOLS]


@pytest.mark.parametrize("document", tables.first(2, DOCUMENTS), ids=name)
def test_examples_run_one_after_the_other(document: Path, local: Local, logs: LogsServer, tmp_path: Path) -> None:
    plugin = Path(shutil.copytree(TEMPLATE, tmp_path / "plugin"))
    for region in ("us-east-1", "eu-west-1"):
        logs.put("my-trail", [(int(time.time() * 1000), denied())], region)
    write(local.home / "project/data.csv", "month,sum\n2026-10,1\n2026-11,2\n")
    here = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local-public", "CLAUDE_PLUGIN_ROOT": str(plugin)}
    equipped = as_part_of(plugin, local.using(**{python.VARIABLE: sys.executable, **here}))
    calls = tool_calls(document, plugin)
    assert document.read_text("utf-8").count("\n```") == 2 * len(calls) > 0
    with serving(equipped) as client:
        client.initialize()
        for tool, arguments in calls:
            value = call_with_account(client, tool, arguments, logs)
            assert value.get("exitCode", 0) == 0, (arguments, value)
            if "items" in arguments:
                read = client.value("job_read", job=value["job"], wait=600)
                assert (read["state"], read["done"]) == ("ended", len(arguments["items"])), read
                assert all(item["region"] in read["results"][n]["stdout"] for n, item in enumerate(arguments["items"]))
