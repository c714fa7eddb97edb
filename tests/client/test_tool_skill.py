"""The skill that works with the server's tools, in the real Claude Code: there is no shell to guard."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from skill_guard import hook
from skill_guard.guarded_prompts import TOOLS
from support.build_folders import ROOT, write
from support.claude_client import NOWHERE, PROGRAM, Client
from support.messages_api import messages_api, tool_use
from support.plugin_client import END, NAME, PLUGIN_ID, SECRET, bash, offered_tools, replaced, sandbox_tool, talk

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(PROGRAM not in os.environ, reason="`nox -s plugin` provides Claude Code and dist/")

SKILL = f"/{NAME}:code-interpreter-execute"
READ_SECRET = bash("cat ~/.aws/credentials")


def test_tools_run_without_a_question_and_the_shell_is_back_in_the_next_prompt(
    installed: Client, project: Path
) -> None:
    calls = [
        sandbox_tool("run_code", code="import platform\nx = {'a': 1}\nprint(x, platform.node()) # > && $x `x` | ;"),
        sandbox_tool("run_code", code="y = 1\n" * 5000 + "print(x, y)"),
        sandbox_tool("put_files", paths=["data.csv"]),
        sandbox_tool("get_files", paths=["data.csv"]),
        READ_SECRET,
    ]
    prompts = {
        f"{SKILL} compute": calls,
        "an ordinary prompt": [READ_SECRET, calls[0]],
        "/code-interpreter-execute": calls,
    }
    script = talk(installed, project, prompts, "--allowedTools", "Bash")
    results = script.tool_results()
    first, long, put, got, shell, free, asked, *again = results
    assert [failed for failed, _ in (first, long, put, got)] == [False] * 4
    assert json.loads(first[1])["stdout"] == "{'a': 1} sandbox"
    assert json.loads(long[1])["stdout"] == "{'a': 1} 1"
    assert project.joinpath("sandbox-output/data.csv").read_text() == "1\n2\n"
    assert shell[0]
    assert SECRET not in shell[1]
    assert SECRET in free[1]
    assert asked[0], "outside of the skill the client asks"
    assert [failed for failed, _ in again] == [False, False, False, True, True], "a second copy needs another name"
    assert json.loads(first[1])["interpreter"] == "local"
    assert "agentcore-sandbox runs code in the emulator on this machine (local)" in json.dumps(script.requests[0])


def test_every_other_tool_of_the_client_is_denied(installed: Client, project: Path) -> None:
    offered = offered_tools(talk(installed, project, {f"{SKILL} do it": []}))
    own = hook.OF_A_KIND[TOOLS]
    assert offered >= {"Bash", "Write", "WebFetch"} | own
    calls = [[tool_use(name)] for name in sorted(offered - hook.EVERY_KIND - own)]
    background = [tool_use("Bash", command="touch planted", description="x", run_in_background=True)]
    prompts = {f"{SKILL} do !`touch planted` it\n```!\ntouch planted\n```": [*calls, background]}
    flags = ("--allowedTools", ",".join(offered), "--permission-mode", "acceptEdits")
    results = talk(installed, project, prompts, *flags).tool_results()
    assert [denied for denied, _ in results] == [True] * len(results)
    assert [path.name for path in project.iterdir()] == ["data.csv"]


def test_prompt_that_goes_on_after_a_blocked_stop_is_still_guarded(installed: Client, project: Path) -> None:
    once = '[ -e stopped ] || { touch stopped; echo \'{"decision": "block", "reason": "go on"}\'; }'
    hooks = {"Stop": [{"hooks": [{"type": "command", "command": once}]}]}
    write(project / ".claude/settings.json", json.dumps({"hooks": hooks}))
    installed.trust(project)
    with messages_api(END, READ_SECRET, END) as (url, script):
        installed.talk([f"{SKILL} do it"], project, url, "--allowedTools", "Bash")
    assert project.joinpath("stopped").exists()
    [(denied, reason)] = script.tool_results()
    assert denied
    assert SECRET not in reason


def test_files_of_the_project_go_in_and_no_others(installed: Client, project: Path) -> None:
    write(project / "deep/script.py", "print('from a file')\n")
    write(project.parent / "outside.py", "print('outside')\n")
    write(project / ".env", "print('hidden')\n")
    names = ("deep/script.py", "../outside.py", ".env", "~/.aws/credentials")
    calls = [sandbox_tool("run_code", file=name) for name in names]
    calls += [sandbox_tool("put_files", paths=[name]) for name in (*names[1:], ".")]
    first, *others = talk(installed, project, {f"{SKILL} run it": calls}).tool_results()
    assert json.loads(first[1])["stdout"] == "from a file"
    assert [failed for failed, _ in others] == [True] * len(others)


def test_option_changed_before_a_resume_is_told_and_used(installed: Client, project: Path) -> None:
    run = sandbox_tool("run_code", code="print(1)")
    options = {PLUGIN_ID: {"options": {"interpreter_id": "no-such-interpreter"}}}
    with messages_api(run, END, run, END) as (url, script):
        installed.talk([f"{SKILL} do it"], project, url)
        with replaced(installed.home / ".claude/settings.json", {"pluginConfigs": options}):
            installed.talk([f"{SKILL} do it again"], project, url, "--continue", AWS_ENDPOINT_URL=NOWHERE)
    assert "on AWS, in the code interpreter no-such-interpreter." in json.dumps(script.requests[2]["messages"][-1])
    before, (failed, output) = script.tool_results()
    assert json.loads(before[1])["stdout"] == "1"
    assert failed
    assert "no-such-interpreter" in output


def test_without_an_interpreter_and_with_the_users_variable(installed: Client, project: Path) -> None:
    run = sandbox_tool("run_code", code="print(1)")
    with replaced(installed.home / ".claude/settings.json", {"pluginConfigs": {}}):
        script = talk(installed, project, {f"{SKILL} do it": [run]})
        assert "No code interpreter is configured" in json.dumps(script.requests[0])
        assert "error[NoInterpreter]" in script.tool_results()[0][1]
        mine = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local"}
        assert not talk(installed, project, {f"{SKILL} do it": [run]}, **mine).tool_results()[0][0]


def test_where_the_server_cannot_start_nothing_else_runs(client: Client, project: Path, tmp_path: Path) -> None:
    without_zipapps = shutil.ignore_patterns("*.pyz")
    plugin = shutil.copytree(ROOT / "dist/plugin" / NAME, tmp_path / NAME, ignore=without_zipapps)
    prompts = {f"{SKILL} do it": [sandbox_tool("run_code", code="print(1)"), READ_SECRET]}
    script = talk(client, project, prompts, "--plugin-dir", str(plugin), "--allowedTools", "Bash")
    assert "If the tools are not there" in json.dumps(script.requests[0])
    assert [failed for failed, _ in script.tool_results()] == [True, True]


def test_skill_does_not_start_where_there_is_no_python(installed: Client, project: Path) -> None:
    broken = {"AGENTCORE_SANDBOX_PYTHON": "/nowhere/python3"}
    assert talk(installed, project, {f"{SKILL} do it": [READ_SECRET]}, **broken).requests == []
