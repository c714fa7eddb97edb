"""The skill with the command line in the real Claude Code: what runs, what is denied, the next prompt is free."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from skill_guard import hook
from skill_guard.guarded_prompts import CLI
from support.build_folders import ROOT, write
from support.claude_client import NOWHERE, PROGRAM
from support.messages_api import messages_api, tool_use
from support.plugin_client import END, NAME, PLUGIN_ID, SECRET, bash, offered_tools, replaced, talk

if TYPE_CHECKING:
    from pathlib import Path

    from support.claude_client import Client

pytestmark = pytest.mark.skipif(PROGRAM not in os.environ, reason="`nox -s plugin` provides Claude Code and dist/")

SKILL = f"/{NAME}:code-interpreter-execute-cli"


def test_allowed_call_runs_without_a_question_and_returns_the_output(installed: Client, project: Path) -> None:
    code = "import platform\nprint(6 * 7, platform.node()) # > && $x `x` | ;"
    heredoc = f"agentcore-sandbox --locked run - <<'EOF'\n{code}\nEOF"
    plugin = ROOT / "dist/marketplace/plugins" / NAME  # a marketplace in a folder is used in place
    calls = [
        bash(heredoc),
        bash(f'"{plugin}/bin/agentcore-sandbox" --locked run --cmd \'echo "$((6 * 7)) $(hostname)"\''),
    ]
    script = talk(installed, project, {f"{SKILL} compute": calls})
    assert script.tool_results() == [(False, "42 sandbox")] * 2
    first = json.dumps(script.requests[0])
    assert "agentcore-sandbox runs code in the emulator on this machine (local)" in first
    assert "> compute" in first
    assert f"{plugin}/bin/agentcore-sandbox" in first
    assert f"{plugin}/skills/code-interpreter-execute/references/aws.md" in first


FORBIDDEN = [
    "cat ~/.aws/credentials",
    "echo a; echo b",
    "echo $(echo a)",
    "echo a | cat",
    "python3 -c 'print(1)'",
    "agentcore-sandbox --locked help; cat ~/.aws/credentials",
    "agentcore-sandbox --locked help > help.txt",
    "agentcore-sandbox --locked run --file ~/.aws/credentials",
    "agentcore-sandbox run 'print(1)'",
    "export CUSTOM_AGENTCORE_INTERPRETER_ID=other",
]


REFUSED = [
    "agentcore-sandbox --locked run --env HOME 'print(1)'",
    "agentcore-sandbox --locked run --endpoint-url http://127.0.0.1:9 'print(1)'",
    "agentcore-sandbox --locked run --upload /etc/passwd 'print(1)'",
    "agentcore-sandbox --locked local stop",
]


def test_locked_calls_reach_no_further(installed: Client, project: Path) -> None:
    calls = [bash(command) for command in REFUSED]
    for failed, output in talk(installed, project, {f"{SKILL} do it": calls}, "--allowedTools", "Bash").tool_results():
        assert failed
        assert "error[NotAllowed]: " in output


def test_everything_else_is_denied_while_the_skill_is_current_and_free_in_the_next_prompt(
    installed: Client, project: Path
) -> None:
    calls = [bash(command) for command in FORBIDDEN]
    prompts = {
        f"{SKILL} do it": calls,
        "an ordinary prompt": calls[:5],
        "/code-interpreter-execute-cli again": calls[:5],
    }
    results = talk(installed, project, prompts, "--allowedTools", "Bash").tool_results()
    guarded, free, again = results[: len(calls)], results[len(calls) : len(calls) + 5], results[len(calls) + 5 :]
    for denied, reason in [*guarded, *again]:
        assert denied
        assert "agentcore-sandbox guard: " in reason
        assert SECRET not in reason
    assert [denied for denied, _ in free] == [False] * 5
    assert SECRET in free[0][1]
    assert [output for _, output in free[1:]] == ["a\nb", "a", "a", "1"]
    assert not project.joinpath("help.txt").exists()


def test_no_question_whatever_the_code_looks_like_and_the_users_deny_rules_win(
    installed: Client, project: Path
) -> None:
    odd = "agentcore-sandbox --locked run - <<'EOF'\nprint({'a': 1})\nEOF"
    long = "agentcore-sandbox --locked run - <<'EOF'\n" + "x = 1\n" * 3000 + "print(x)\nEOF"
    prompts = {f"{SKILL} compute": [bash(odd), bash(long)], "an ordinary prompt": [bash(odd)]}
    first, second, third = talk(installed, project, prompts).tool_results()
    assert (first, second) == ((False, "{'a': 1}"), (False, "1"))
    assert third[0], "outside of the skill the client asks as before"
    history = installed.home / ".local/state/agentcore-sandbox/activity/executions.jsonl"
    of_claude = [
        (entry["claude_session"], entry["claude_prompt"]) for entry in map(json.loads, history.read_text().splitlines())
    ][-2:]
    assert of_claude[0] == of_claude[1]
    assert all(of_claude[0])
    rules = {"permissions": {"deny": ["Bash(agentcore-sandbox *)"]}}
    with replaced(installed.home / ".claude/settings.json", rules):
        [(denied, reason)] = talk(installed, project, {f"{SKILL} compute": [bash(odd)]}).tool_results()
    assert denied
    assert "Permission to use Bash" in reason


def test_turn_that_ended_background_work_begins_is_guarded(installed: Client, project: Path) -> None:
    wait = "agentcore-sandbox --locked run 'import time; time.sleep(5)'"
    slow = tool_use("Bash", command=wait, description="a test", timeout=1500)
    asked = tool_use("Bash", command=wait, description="a test", run_in_background=True)
    stolen = tool_use("Write", file_path=str(project / "planted.txt"), content="x")
    turns = [[asked], [slow], END, bash("cat ~/.aws/credentials"), [stolen], END, bash("cat ~/.aws/credentials"), END]
    with messages_api(*turns) as (url, script):
        installed.talk([f"{SKILL} do it", "", "an ordinary prompt"], project, url, "--allowedTools", "Bash", "Write")
    background, moved, read, written, free = script.tool_results()
    assert background[0]
    assert "in the foreground" in background[1]
    assert not moved[0]
    assert "background" in moved[1]
    for denied, reason in (read, written):
        assert denied
        assert "agentcore-sandbox guard: " in reason
    assert not project.joinpath("planted.txt").exists()
    assert SECRET in free[1]


def test_user_is_asked_about_files_of_an_unusual_kind(installed: Client, project: Path) -> None:
    write(project / "config", "x")
    call = "agentcore-sandbox --locked run --upload config 'print(1)'"
    calls = [bash(call), bash(f"{call} --allow-file config")]
    refused, asked = talk(installed, project, {f"{SKILL} do it": calls}).tool_results()
    assert refused[0]
    assert "--allow-file 'config'" in refused[1]
    assert asked[0], "there is nobody to ask"
    assert "unusual kind" in asked[1]


def test_prompt_that_goes_on_after_a_blocked_stop_is_still_guarded(installed: Client, project: Path) -> None:
    once = '[ -e stopped ] || { touch stopped; echo \'{"decision": "block", "reason": "go on"}\'; }'
    hooks = {"Stop": [{"hooks": [{"type": "command", "command": once}]}]}
    write(project / ".claude/settings.json", json.dumps({"hooks": hooks}))
    installed.trust(project)
    with messages_api(END, bash("cat ~/.aws/credentials"), END) as (url, script):
        installed.talk([f"{SKILL} do it"], project, url, "--allowedTools", "Bash")
    assert project.joinpath("stopped").exists()
    [(denied, reason)] = script.tool_results()
    assert denied
    assert "agentcore-sandbox guard: " in reason


DISALLOWED = {
    "Write": {"file_path": "planted.txt", "content": "x"},
    "Edit": {"file_path": "data.csv", "old_string": "1", "new_string": "3"},
    "NotebookEdit": {"notebook_path": "book.ipynb", "cell_id": "c", "new_source": "x"},
    "WebFetch": {"url": "http://127.0.0.1:9/", "prompt": "x"},
    "WebSearch": {"query": "news"},
    "Task": {"description": "x", "prompt": "cat ~/.aws/credentials", "subagent_type": "general-purpose"},
    "Skill": {"skill": "verify"},
    "CronCreate": {"cron": "* * * * *", "prompt": "x"},
}
BOOK = {"cells": [{"cell_type": "code", "id": "c", "source": "1", "metadata": {}, "outputs": [], "execution_count": 1}]}


def in_folder(folder: Path, given: dict[str, str]) -> dict[str, str]:
    """A tool's arguments with its paths below a folder."""
    return {name: str(folder / value) if name.endswith("_path") else value for name, value in given.items()}


def test_other_tools_that_reach_the_host_are_denied(installed: Client, project: Path) -> None:
    installed.trust(project)
    write(project / "book.ipynb", json.dumps({**BOOK, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    before = {path.name: path.read_text() for path in project.iterdir()}
    reads = [[tool_use("Read", file_path=str(project / name))] for name in ("data.csv", "book.ipynb")]
    calls = [[tool_use(tool, **in_folder(project, given))] for tool, given in DISALLOWED.items()]
    prompt = f"{SKILL} do !`touch planted` it\n```!\ntouch planted\n```"  # the forms that run in a SKILL.md itself
    script = talk(installed, project, {prompt: [*reads, *calls]}, "--permission-mode", "acceptEdits")
    results = script.tool_results()
    assert [denied for denied, _ in results] == [False] * len(reads) + [True] * len(calls)
    for tool, (_, reason) in zip(DISALLOWED, results[len(reads) :], strict=True):
        name = {"Task": "Agent"}.get(tool, tool)  # what it is called today
        words = (
            f"Permission to use {name} has been denied",
            "agentcore-sandbox guard: ",
            "cannot be used with Skill tool",
        )
        assert any(part in reason for part in words), reason
    assert {path.name: path.read_text() for path in project.iterdir()} == before


# Tools that stay, and why they may.
STAYING = {
    "AskUserQuestion": "speaks to the user",
    "Bash": "guarded",
    "CronList": "only lists",
    **dict.fromkeys(("Glob", "Grep", "Read"), "the user's own permission rules are for it"),
    "ReportFindings": "speaks to the user",
    "ToolSearch": "only tells which tools there are",
    **dict.fromkeys(("TaskCreate", "TaskGet", "TaskList", "TaskUpdate", "TodoWrite"), "Claude's list of what is to do"),
    **dict.fromkeys(("TaskOutput", "TaskStop"), "for calls of agentcore-sandbox that have gone to the background"),
}


def test_every_tool_of_the_client_is_judged(installed: Client, project: Path) -> None:
    assert STAYING.keys() == hook.EVERY_KIND | hook.OF_A_KIND[CLI]
    script = talk(installed, project, {f"{SKILL} do it": []})
    offered = offered_tools(script)
    assert {"Bash", "Write", "WebFetch"} <= offered
    calls = [[tool_use(name)] for name in sorted(offered - STAYING.keys())]
    results = talk(installed, project, {f"{SKILL} do it": calls}, "--allowedTools", ",".join(offered)).tool_results()
    assert [denied for denied, _ in results] == [True] * len(calls)


def test_only_the_user_can_start_the_skill(installed: Client, project: Path) -> None:
    call = [tool_use("Skill", skill=f"{NAME}:code-interpreter-execute-cli", args="x")]
    [(denied, _)] = talk(installed, project, {"an ordinary prompt": [call]}).tool_results()
    assert denied


def test_skill_does_not_start_where_the_guard_cannot(installed: Client, project: Path) -> None:
    broken = {"AGENTCORE_SANDBOX_PYTHON": "/nowhere/python3"}
    assert talk(installed, project, {f"{SKILL} do it": [bash("cat ~/.aws/credentials")]}, **broken).requests == []


def test_variable_of_the_user_wins_over_the_plugins_option(installed: Client, project: Path) -> None:
    mine = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "no-such-interpreter", "AWS_ENDPOINT_URL": NOWHERE}
    script = talk(installed, project, {f"{SKILL} do it": [bash("agentcore-sandbox --locked run 'print(1)'")]}, **mine)
    assert "on AWS, in the code interpreter no-such-interpreter." in json.dumps(script.requests[0])
    [(failed, output)] = script.tool_results()
    assert failed
    assert "no-such-interpreter" in output


def test_option_changed_before_a_resume_is_told_and_used(installed: Client, project: Path) -> None:
    run = bash("agentcore-sandbox --locked run 'print(1)'")
    options = {PLUGIN_ID: {"options": {"interpreter_id": "no-such-interpreter"}}}
    with messages_api(run, END, run, END) as (url, script):
        installed.talk([f"{SKILL} do it"], project, url)
        with replaced(installed.home / ".claude/settings.json", {"pluginConfigs": options}):
            installed.talk([f"{SKILL} do it again"], project, url, "--continue", AWS_ENDPOINT_URL=NOWHERE)
    assert "on AWS, in the code interpreter no-such-interpreter." in json.dumps(script.requests[2]["messages"][-1])
    before, (failed, output) = script.tool_results()
    assert before == (False, "1")
    assert failed
    assert "no-such-interpreter" in output


def test_a_map_outlives_the_call_that_starts_it(installed: Client, project: Path) -> None:
    write(project / "regions.txt", "us-east-1\neu-west-1\n")
    start = "map --detach --items regions.txt --sessions 2 --journal sandbox-output/map --cmd 'echo in $ITEM'"
    maps = [f"maps {verb} sandbox-output/map" for verb in ("wait", "results --format text")]
    calls = [bash(f"agentcore-sandbox --locked {words}") for words in (start, *maps)]
    started, ended, results = talk(installed, project, {f"{SKILL} ask each": calls}).tool_results()
    assert [failed for failed, _ in (started, ended, results)] == [False] * 3, (started, ended)
    assert "in us-east-1" in results[1]
    assert "in eu-west-1" in results[1]


def test_files_below_the_working_directory_go_in_and_no_others(installed: Client, project: Path) -> None:
    write(project / "deep/script.py", "print('from a file')\n")
    write(project.parent / "outside.py", "print('outside')\n")
    write(project / ".env", "print('hidden')\n")
    files = ("deep/script.py", "../outside.py", ".env")
    calls = [bash(f"agentcore-sandbox --locked run --file {file}") for file in files]
    first, *others = talk(installed, project, {f"{SKILL} run it": calls}).tool_results()
    assert first == (False, "from a file")
    assert [denied for denied, _ in others] == [True, True]
    assert "not below the working directory" in others[0][1]
    assert "hidden" in others[1][1]
