"""The guard of the plugin's hooks with the paths of Windows; what shells make of its commands is for tests/guard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from plugin_build.source_tree import ROOT
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.machine import Machine

pytestmark = pytest.mark.nightly

HOOK = "import sys; sys.path.insert(0, sys.argv.pop(1)); from skill_guard.hook import main; sys.exit(main(sys.argv[1]))"
PLUGIN = r"C:\Users\me\.claude\plugins\cache\a plugin"
ALLOWED = [
    "agentcore-sandbox --locked run 'print(1)'",
    rf'"{PLUGIN}/bin/agentcore-sandbox" --locked run -',
    rf"'{PLUGIN}\bin\agentcore-sandbox' --locked run -",
    rf"'{PLUGIN.lower()}/BIN/agentcore-sandbox' --locked run -",
]
DENIED = [
    rf"{PLUGIN}\bin\agentcore-sandbox --locked run -",  # a shell drops the backslashes
    r'"C:\Users\me\project\bin\agentcore-sandbox" --locked run -',
    rf'"{PLUGIN}\..\bin\agentcore-sandbox" --locked run -',
    "agentcore-sandbox.exe --locked run -",
    "agentcore-sandbox.cmd --locked run -",
    r"agentcore-sandbox --locked run a\b",
]


@pytest.fixture
def guard(machine: Machine, cli: CommandLine, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Has the guard answer an event of the prompt of a skill that works with the command line."""
    command = (*machine.python, "-I", "-S", "-c", HOOK, machine.path(ROOT / "src"))
    data = {"CLAUDE_PLUGIN_DATA": machine.path(tmp_path / "data"), "CLAUDE_PLUGIN_ROOT": PLUGIN}
    project = {"CLAUDE_PROJECT_DIR": machine.path(cli.home)}
    hook = CommandLine(command, cli.home, {**cli.base, **data, **project})
    event = {"session_id": "s1", "prompt_id": "p1", "cwd": machine.path(cli.home)}

    def ask(name: str, env: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        done = hook.run(name, stdin=json.dumps({**event, **more}).encode(), env=env)
        assert (done.returncode, done.stderr) == (0, b"")
        answer: dict[str, Any] = json.loads(done.stdout)["hookSpecificOutput"]
        return answer

    ask("UserPromptExpansion", command_name="code-interpreter-execute-cli")
    return ask


def decision(guard: Callable[..., dict[str, Any]], command: str, **env: str) -> str:
    answer = guard("PreToolUse", env, tool_name="Bash", tool_input={"command": command})
    return str(answer["permissionDecision"])


def test_only_the_launcher_is_allowed(guard: Callable[..., dict[str, Any]]) -> None:
    assert {command: decision(guard, command) for command in ALLOWED} == dict.fromkeys(ALLOWED, "allow")
    assert {command: decision(guard, command) for command in DENIED} == dict.fromkeys(DENIED, "deny")


@pytest.mark.parametrize("name", ["agentcore-sandbox", "agentcore-sandbox.exe"])
def test_the_bare_name_may_not_be_found_in_the_project(
    guard: Callable[..., dict[str, Any]], machine: Machine, cli: CommandLine, name: str
) -> None:
    (cli.home / "bin").mkdir()
    (cli.home / "bin" / name).touch()
    path = rf"C:\windows;{machine.path(cli.home / 'bin')}"
    variable = {"WINEPATH" if machine.is_wine else "PATH": path}
    assert decision(guard, ALLOWED[0], **variable) == "deny"
    assert decision(guard, ALLOWED[0]) == "allow"
