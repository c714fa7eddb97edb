"""The hooks as Claude Code runs them: the commands of hooks.json, in a real shell, with an event on standard input."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import tables
from support.build_folders import ROOT, write

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = ROOT / "plugin-template"
CLI, WITH_TOOLS = "code-interpreter-execute-cli", "code-interpreter-execute"
BEGINNING = {"session_id": "s1", "prompt_id": "p1", "command_name": CLI}
PLUGIN = "aws-bedrock-agentcore-codeinterpreter"


def registered(root: Path) -> dict[str, Any]:
    """The hooks of a plugin, by event."""
    files = [json.loads((root / "hooks" / name).read_text()) for name in ("hooks.json", "expansion.json")]
    return {event: entries for file in files for event, entries in file["hooks"].items()}


@dataclass
class Hooks:
    """An installed plugin's hooks.

    Attributes:
        root: The plugin's folder.
        data: Its data folder, which Claude Code may not have made yet.
        home: The user's home.
        more: Variables of the user.
    """

    root: Path
    data: Path
    home: Path
    more: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{self.home / 'bin'}:/usr/bin:/bin",
            "CLAUDE_PLUGIN_ROOT": str(self.root),
            "CLAUDE_PLUGIN_DATA": str(self.data),
            "CLAUDE_CODE_SESSION_ID": "s1",
            **self.more,
        }

    def fire(self, name: str, event: object) -> subprocess.CompletedProcess[str]:
        """Run the hook of an event."""
        hooks = registered(self.root)
        return subprocess.run(
            ["/bin/sh", "-c", hooks[name][0]["hooks"][0]["command"]],
            input=event if isinstance(event, str) else json.dumps(event, separators=(",", ":")),  # as the client
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def arm(self, session: str = "s1", prompt: str = "p1", skill: str = CLI) -> str:
        """Start a skill; gives what Claude is told."""
        done = self.fire("UserPromptExpansion", {"session_id": session, "prompt_id": prompt, "command_name": skill})
        assert (done.returncode, done.stderr) == (0, "")
        told = json.loads(done.stdout)["hookSpecificOutput"]
        assert told["hookEventName"] == "UserPromptExpansion"
        return str(told["additionalContext"])

    def decide(self, command: str = "ls", **changes: Any) -> tuple[str, str]:
        """What becomes of a tool's use: allow, ask or deny, with the reason; empty when nothing is said."""
        event = {"session_id": "s1", "prompt_id": "p1", "cwd": str(self.home), "tool_name": "Bash"}
        return decision(self.fire("PreToolUse", {**event, "tool_input": {"command": command}, **changes}))

    def ask(self, command: str = "ls", **changes: Any) -> str:
        """The reason why a tool's use is denied; empty where it is not."""
        verdict, reason = self.decide(command, **changes)
        return reason if verdict == "deny" else ""


def decision(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """The decision of a hook, which can deny in two ways."""
    if done.returncode == 2:
        assert done.stdout == ""
        return "deny", done.stderr
    assert (done.returncode, done.stderr) == (0, "")
    if not done.stdout:
        return "", ""
    answer = json.loads(done.stdout)["hookSpecificOutput"]
    assert answer["hookEventName"] == "PreToolUse"
    return str(answer["permissionDecision"]), str(answer["permissionDecisionReason"])


def install(folder: Path) -> Hooks:
    """Install the plugin's hooks below a folder."""
    root = folder / "a plugin é"
    for name in ("hooks", "lib"):
        shutil.copytree(TEMPLATE / name, root / name)
    shutil.copytree(ROOT / "src/skill_guard", root / "hooks/skill_guard")
    home = folder / "home"
    home.joinpath("bin").mkdir(parents=True)
    home.joinpath("bin/python3").symlink_to(Path(sys.executable).resolve())
    return Hooks(root, folder / "plugin data", home)


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return install(tmp_path)


@pytest.fixture(scope="module")
def armed(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    """Hooks of a session where a skill runs, for tests that only ask."""
    hooks = install(tmp_path_factory.mktemp("armed"))
    hooks.arm()
    return hooks


def typed(hooks: Hooks, prompt: str, words: str = "an ordinary prompt") -> None:
    """The user, or a notification, begins a turn."""
    done = hooks.fire("UserPromptSubmit", {"session_id": "s1", "prompt_id": prompt, "prompt": words})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_guards_the_skills_prompt_until_the_user_types_another(hooks: Hooks) -> None:
    assert hooks.decide() == ("", "")
    hooks.arm()
    assert "the only command is agentcore-sandbox" in hooks.ask()
    typed(hooks, "p2")
    assert hooks.decide(prompt_id="p2") == ("", "")
    assert hooks.decide(session_id="s2") == ("", "")
    assert "the only command" in hooks.ask(), "asking for others does not end the guard"


def test_a_checked_call_is_allowed_without_a_question(armed: Hooks) -> None:
    for command in ("agentcore-sandbox --locked run 'x'", f"'{armed.root}/bin/agentcore-sandbox' --locked run 'x'"):
        assert armed.decide(command)[0] == "allow"


@pytest.mark.parametrize("notification", ["<task-notification>\n<task-id>b1</task-id>", " \n<system-reminder>x"])
def test_guards_the_turn_of_a_notification(hooks: Hooks, notification: str) -> None:
    hooks.arm()
    typed(hooks, "p2", notification)
    assert "the only command" in hooks.ask(prompt_id="p2")
    assert "is not allowed" in hooks.ask(prompt_id="p2", tool_name="Write")
    assert "the only command" in hooks.ask(prompt_id="p3"), "nor is a prompt typed that was never told of"
    typed(hooks, "p4")
    assert hooks.decide(prompt_id="p4", tool_name="Write") == ("", "")


def test_a_skills_prompt_is_guarded_though_the_user_has_typed_it(hooks: Hooks) -> None:
    hooks.arm()
    typed(hooks, "p2", "/code-interpreter-execute x")
    hooks.arm(prompt="p2")
    typed(hooks, "p1", "/code-interpreter-execute x")
    assert "the only command" in hooks.ask()
    assert "the only command" in hooks.ask(prompt_id="p2")


@pytest.mark.parametrize(
    "words", ["/code-interpreter-execute", f"/{PLUGIN}:any-skill x", "/cloudtrail-access-denied y"]
)
def test_version_that_does_not_tell_the_prompt_starts_no_skill(hooks: Hooks, words: str) -> None:
    shutil.copytree(TEMPLATE / "skills", hooks.root / "skills")
    event = {"session_id": "s1", "prompt": words}
    done = hooks.fire("UserPromptSubmit", event)
    assert done.returncode == 2
    assert "need Claude Code 2.1.196 or newer" in done.stderr
    for other in ({**event, "prompt": f"what does {words} do?"}, {**event, "prompt_id": "p1"}):
        assert hooks.fire("UserPromptSubmit", other).returncode == 0


def test_prompts_go_on_where_the_plugin_was_removed(hooks: Hooks) -> None:
    shutil.rmtree(hooks.root / "hooks/skill_guard")
    command = registered(hooks.root)["UserPromptSubmit"][0]["hooks"][0]["command"]
    hooks.root.joinpath("hooks/guard").unlink()
    done = subprocess.run(["/bin/sh", "-c", command], input=b"{}", env=hooks.environment(), timeout=300, check=False)
    assert done.returncode == 0


RUN_CODE = f"mcp__plugin_{PLUGIN}_sbx__run_code"


def test_skill_with_tools_may_use_the_servers_and_no_shell(hooks: Hooks) -> None:
    hooks.arm(skill=f"{PLUGIN}:{WITH_TOOLS}")
    assert hooks.decide(tool_name=RUN_CODE) == ("", ""), "the skill's allowed-tools let it run without a question"
    assert hooks.decide(tool_name="Read") == ("", "")
    locked = "agentcore-sandbox --locked run x"
    for tool in ("Bash", "Write", f"{RUN_CODE}s", "mcp__other__run_code", f"mcp__plugin_{PLUGIN}_sbx__new_tool"):
        assert "use the sandbox's tools" in hooks.ask(locked, tool_name=tool)


def test_each_prompt_has_its_skills_tools_and_one_that_nobody_typed_those_of_all(hooks: Hooks) -> None:
    locked = "agentcore-sandbox --locked run x"
    hooks.arm(prompt="p1")
    hooks.arm(prompt="p2", skill=WITH_TOOLS)
    assert hooks.ask(tool_name=RUN_CODE)
    assert hooks.decide(locked)[0] == "allow"
    assert hooks.decide(tool_name=RUN_CODE, prompt_id="p2") == ("", "")
    assert hooks.ask(locked, prompt_id="p2")
    for untyped in ("p3", None):
        assert hooks.decide(locked, prompt_id=untyped)[0] == "allow"
        assert hooks.decide(tool_name=RUN_CODE, prompt_id=untyped) == ("", "")
        assert hooks.ask(tool_name="Write", prompt_id=untyped)


def test_another_process_that_resumed_the_session_does_not_end_the_guard(hooks: Hooks) -> None:
    hooks.arm()
    assert set(registered(hooks.root)) == {"UserPromptExpansion", "UserPromptSubmit", "PreToolUse", "SessionStart"}
    hooks.fire("SessionStart", {"session_id": "s1", "source": "resume"})
    assert "the only command" in hooks.ask()


def test_guards_the_session_where_the_prompt_is_not_told(armed: Hooks) -> None:
    assert "the only command" in armed.ask(prompt_id=None)
    assert armed.decide(prompt_id=None, session_id="s2") == ("", "")


@pytest.mark.parametrize(
    "tool", ["PowerShell", "Monitor", "Write", "Agent", "mcp__x__y", "RemoteTrigger", "Artifact", ""]
)
def test_tools_that_are_not_listed_are_denied(armed: Hooks, tool: str) -> None:
    assert "is not allowed while this skill runs" in armed.ask("agentcore-sandbox --locked run x", tool_name=tool)


@pytest.mark.parametrize("tool", ["Read", "AskUserQuestion", "ToolSearch", "TaskOutput"])
def test_tools_that_only_show_or_ask_are_left_to_the_client(armed: Hooks, tool: str) -> None:
    assert armed.decide(tool_name=tool) == ("", "")


@pytest.mark.parametrize("more", [{"run_in_background": True}, {"dangerouslyDisableSandbox": True}, {"new": 1}])
def test_what_else_the_bash_tool_can_be_told_is_denied(armed: Hooks, more: dict[str, Any]) -> None:
    given = {"command": "agentcore-sandbox --locked run x", "description": "x", "timeout": 1000}
    assert armed.decide(tool_input=given)[0] == "allow"
    assert armed.ask(tool_input={**given, **more})


def test_the_user_is_asked_about_files_of_an_unusual_kind(hooks: Hooks) -> None:
    hooks.arm()
    verdict, reason = hooks.decide("agentcore-sandbox --locked cp kept NAME: --allow-file kept/config")
    assert verdict == "ask"
    assert "unusual kind" in reason


def test_a_call_that_is_not_locked_is_denied(hooks: Hooks) -> None:
    hooks.arm()
    assert "agentcore-sandbox --locked ..." in hooks.ask("agentcore-sandbox run x")


def test_a_decision_that_takes_too_long_is_a_refusal(hooks: Hooks) -> None:
    hooks.arm()
    guard = hooks.root / "hooks/skill_guard"
    guard.joinpath("hook.py").write_text(
        guard.joinpath("hook.py").read_text().replace("DEADLINE = 20", "DEADLINE = 0.2")
    )
    write(
        guard / "scanner.py",
        guard.joinpath("scanner.py")
        .read_text()
        .replace('if "\\0" in text:', 'while "\\0" not in text:\n        pass\n    if text:'),
    )
    assert "not in time" in hooks.ask("agentcore-sandbox --locked run x")


@pytest.mark.parametrize(
    "command",
    [
        f"agentcore-sandbox --locked run --upload {'a:/' * 100_000} x",
        f"agentcore-sandbox --locked cp {' '.join(['a'] * 100_000)} NAME:",
        f"agentcore-sandbox --locked cp {'a/' * 300_000} NAME:",
        f"agentcore-sandbox --locked run {'=' * 900_000}",
        f"agentcore-sandbox --locked run {'--json ' * 100_000}",
    ],
    ids=["colons", "operands", "a deep path", "one word", "flags"],
)
def test_long_calls_are_judged_before_the_deadline(armed: Hooks, command: str) -> None:
    assert "not in time" not in armed.ask(command, cwd="/srv")


def plant(folder: Path, marker: Path) -> None:
    for name in ("sh", "cat", "id", "uname", "mkdir", "mv", "python3", "python", "py", "uv", "agentcore-sandbox"):
        write(folder / name, f"#!/bin/sh\ntouch '{marker}'\n", 0o755)


def test_nothing_is_started_by_its_name_from_the_project(hooks: Hooks) -> None:
    project, marker = hooks.home / "project", hooks.home / "planted"
    plant(project / "venv/bin", marker)
    hooks.home.joinpath("away").symlink_to(project / "venv/bin")
    hooks.more["CLAUDE_PROJECT_DIR"] = str(project)
    hooks.more["PATH"] = f"{project}/venv/bin:{hooks.home}/away:venv/bin:{hooks.home}/bin:/usr/bin:/bin"
    hooks.arm()
    assert "on PATH holds another agentcore-sandbox" in hooks.ask("agentcore-sandbox --locked run x", cwd=str(project))
    full = f"'{hooks.root}/bin/agentcore-sandbox' --locked run x"
    assert hooks.decide(full, cwd=str(project))[0] == "allow"
    assert not marker.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": None},
        {"session_id": ["s1"]},
        {"session_id": "../s1"},
        {"prompt_id": "p/1"},
        {"tool_input": {}},
        {"tool_input": None},
        {"tool_input": {"command": None}},
        {"tool_input": {"command": ["agentcore-sandbox", "--locked"]}},
        {"cwd": None},
        {"tool_name": None},
    ],
)
def test_event_that_it_does_not_understand_is_refused(armed: Hooks, changes: dict[str, Any]) -> None:
    assert armed.ask("agentcore-sandbox --locked run --file x", **changes)


@pytest.mark.parametrize("event", ["", "{", "[]", "null", '{"session_id": "s1"', "[" * 100_000])
def test_input_that_is_no_event_is_refused(armed: Hooks, event: str) -> None:
    verdict, reason = decision(armed.fire("PreToolUse", event))
    assert verdict == "deny"
    assert "cannot be judged" in reason


def test_nothing_is_started_before_a_skill_has_run(hooks: Hooks) -> None:
    write(hooks.home / "bin/python3", f"#!/bin/sh\ntouch '{hooks.home}/started'\n", 0o755)
    assert hooks.ask() == ""
    for name in ("SessionStart", "UserPromptSubmit"):
        assert hooks.fire(name, {"session_id": "s1"}).returncode == 0
    assert not hooks.home.joinpath("started").exists()


def no_python(hooks: Hooks) -> None:
    hooks.more["PATH"] = "/nowhere"


def python_that_fails(hooks: Hooks) -> None:
    hooks.more["AGENTCORE_SANDBOX_PYTHON"] = str(write(hooks.home / "failing", "#!/bin/sh\nexit 1\n", 0o755))


def python_that_is_killed(hooks: Hooks) -> None:
    hooks.more["AGENTCORE_SANDBOX_PYTHON"] = str(write(hooks.home / "killed", "#!/bin/sh\nkill -9 $$\n", 0o755))


def no_script(hooks: Hooks) -> None:
    hooks.root.joinpath("hooks/guard").unlink()


def no_library(hooks: Hooks) -> None:
    hooks.root.joinpath("lib/python.sh").unlink()


def no_options(hooks: Hooks) -> None:
    hooks.root.joinpath("lib/options.sh").unlink()


def no_guard(hooks: Hooks) -> None:
    shutil.rmtree(hooks.root / "hooks/skill_guard")


def broken_guard(hooks: Hooks) -> None:
    write(hooks.root / "hooks/skill_guard/bash_calls.py", "import nonsense")


FAILURES = [
    no_python,
    python_that_fails,
    python_that_is_killed,
    no_script,
    no_library,
    no_options,
    no_guard,
    broken_guard,
]


@pytest.mark.parametrize("failure", FAILURES)
def test_failing_guard_denies_while_a_skill_runs_and_only_then(hooks: Hooks, failure: Any) -> None:
    copy = Hooks(hooks.root, hooks.data.with_name("other data"), hooks.home, hooks.more)
    hooks.arm()
    hooks.more["PATH"] = f"{hooks.home / 'bin'}:/usr/bin:/bin"
    failure(hooks)
    assert hooks.fire("PreToolUse", {}).returncode == 2
    assert copy.ask() == "", "where no skill has run, nothing is denied"


@pytest.mark.parametrize("failure", tables.first(3, FAILURES))
def test_skill_does_not_start_where_the_guard_cannot(hooks: Hooks, failure: Any) -> None:
    failure(hooks)
    assert hooks.fire("UserPromptExpansion", BEGINNING).returncode == 2


@pytest.mark.parametrize(
    "event", [*({**BEGINNING, name: None} for name in BEGINNING), {**BEGINNING, "session_id": "/"}, [], ""]
)
def test_skill_does_not_start_without_knowing_its_prompt(hooks: Hooks, event: object) -> None:
    done = hooks.fire("UserPromptExpansion", event)
    assert done.returncode == 2
    assert done.stderr.startswith("agentcore-sandbox guard: ")


def test_skill_does_not_start_where_it_cannot_be_marked(hooks: Hooks) -> None:
    write(hooks.data, "a file in the folder's place")
    done = hooks.fire("UserPromptExpansion", BEGINNING)
    assert done.returncode == 2
    assert "NotADirectoryError" in done.stderr or "FileExistsError" in done.stderr


def test_reason_is_plain_ascii_whatever_the_command_was(hooks: Hooks) -> None:
    hooks.arm()
    assert hooks.ask("\x1b[2J\udc80é").isascii()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "No code interpreter is configured"),
        ({"CLAUDE_PLUGIN_OPTION_INTERPRETER_ID": "local"}, "on this machine (local): a bubblewrap sandbox without AWS"),
        ({"CUSTOM_AGENTCORE_INTERPRETER_ID": "local-public"}, "on this machine (local-public)"),
        (
            {"CLAUDE_PLUGIN_OPTION_INTERPRETER_ID": "local", "CUSTOM_AGENTCORE_INTERPRETER_ID": "mine-0123456789"},
            "on AWS, in the code interpreter mine-0123456789.",
        ),
    ],
)
def test_claude_is_told_where_code_will_run(hooks: Hooks, variables: dict[str, str], told: str) -> None:
    hooks.more.update(variables)
    assert told in hooks.arm()


VARIABLES = ("CUSTOM_AGENTCORE_INTERPRETER_ID", "CUSTOM_AGENTCORE_AWS_PROFILE", "CUSTOM_AGENTCORE_AWS_REGION")


def choose(hooks: Hooks, *options: str) -> None:
    """Choose the plugin's options, in the order of the variables; an empty one is not set."""
    for name, value in zip(("INTERPRETER_ID", "PROFILE", "REGION"), options, strict=True):
        hooks.more.pop(f"CLAUDE_PLUGIN_OPTION_{name}", None)
        hooks.more.update({f"CLAUDE_PLUGIN_OPTION_{name}": value} if value else {})


def started(hooks: Hooks) -> None:
    done = hooks.fire("SessionStart", {"session_id": "s1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def launched(hooks: Hooks, session: str = "s1", **variables: str) -> list[str]:
    """The three variables as the launcher leaves them to the command line in a shell that Claude starts."""
    shutil.copytree(TEMPLATE / "bin", hooks.root / "bin", dirs_exist_ok=True)
    write(hooks.root / "zipapps/agentcore-sandbox-any.pyz", "")
    show = "".join(f'printf "%s\\n" "${name}"\n' for name in VARIABLES)
    variables["AGENTCORE_SANDBOX_PYTHON"] = str(write(hooks.home / "shows", f"#!/bin/sh\n{show}", 0o755))
    own = ("HOME", "PATH", "XDG_CACHE_HOME", "TMPDIR")
    environment = {name: value for name, value in hooks.environment().items() if name in own}
    return subprocess.run(
        [hooks.root / "bin/agentcore-sandbox"],
        env={**environment, "CLAUDE_CODE_SESSION_ID": session, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout.splitlines()


def test_options_of_the_plugin_reach_the_command_line(hooks: Hooks) -> None:
    odd = 'it\'s; touch $(planted) "x" \\ é'
    choose(hooks, " local ", odd, "")
    started(hooks)
    assert launched(hooks) == ["local", odd, ""]
    assert launched(hooks, "s2") == launched(hooks, "../options/s1") == ["", "", ""], "another session has others"
    kept = hooks.home / ".cache/agentcore-sandbox/options/s1"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_the_prompt_is_kept_for_the_history(hooks: Hooks) -> None:
    kept = hooks.home / ".cache/agentcore-sandbox/prompts/s1"
    hooks.fire("UserPromptSubmit", {"session_id": "s1", "prompt_id": "p0", "prompt": "x"})
    assert not kept.exists()  # of a session without a skill nothing is asked
    hooks.arm(prompt="p1")
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("p1\n", 0o600)
    words = 'say "prompt_id":"evil" \\"prompt_id":"evil"'
    hooks.fire("UserPromptSubmit", {"prompt": words, "session_id": "s1", "prompt_id": "p2"})
    assert kept.read_text() == "p2\n"
    hooks.fire("UserPromptSubmit", {"session_id": "s1", "prompt_id": "../p3", "prompt": "x"})
    assert kept.read_text() == "p2\n"


@pytest.mark.parametrize("begin", [started, Hooks.arm], ids=["a session", "a skill"])
def test_options_are_replaced_when_a_session_or_a_skill_begins(hooks: Hooks, begin: Callable[[Hooks], object]) -> None:
    choose(hooks, "local", "work", "eu-west-1")
    started(hooks)
    choose(hooks, "mine-0123456789", "", "")
    begin(hooks)
    assert launched(hooks) == ["mine-0123456789", "", ""]
    choose(hooks, "", "", "")
    begin(hooks)
    assert launched(hooks) == ["", "", ""]
    assert list(hooks.home.joinpath(".cache/agentcore-sandbox/options").iterdir()) == []


def test_variables_of_the_user_win_over_options(hooks: Hooks) -> None:
    choose(hooks, "option", "option", "option")
    started(hooks)
    mine = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "mine", "CUSTOM_AGENTCORE_AWS_REGION": ""}
    assert launched(hooks, **mine) == ["mine", "option", "option"]


def test_option_that_is_no_single_line_is_left_out(hooks: Hooks) -> None:
    choose(hooks, "local\nmore", "work", "eu-west-1\ttouch")
    started(hooks)
    assert launched(hooks) == ["", "work", ""]


def test_options_that_others_can_change_or_that_cannot_be_kept_are_not_used(hooks: Hooks) -> None:
    choose(hooks, "local", "", "")
    started(hooks)
    folder = hooks.home / ".cache/agentcore-sandbox"
    folder.chmod(0o777)
    assert launched(hooks) == ["", "", ""]
    hooks.more["TMPDIR"] = "/nowhere"
    done = hooks.fire("UserPromptExpansion", BEGINNING)
    assert done.returncode == 2
    assert f"options cannot be kept in {folder}" in done.stderr


def test_options_go_to_a_temporary_folder_where_there_is_no_cache(hooks: Hooks, tmp_path: Path) -> None:
    hooks.more.update(XDG_CACHE_HOME="/dev/null", TMPDIR=str(tmp_path))
    choose(hooks, "local", "", "")
    started(hooks)
    assert launched(hooks) == ["local", "", ""]


def test_options_are_forgotten_in_time(hooks: Hooks) -> None:
    choose(hooks, "local", "", "")
    started(hooks)
    weeks_ago = time.time() - 16 * 24 * 3600
    os.utime(write(hooks.home / ".cache/agentcore-sandbox/options/s0", ""), (weeks_ago, weeks_ago))
    started(hooks)
    assert [path.name for path in hooks.home.joinpath(".cache/agentcore-sandbox/options").iterdir()] == ["s1"]


def test_sessions_are_forgotten_in_time(hooks: Hooks) -> None:
    hooks.arm()
    hooks.arm(session="s2")
    weeks_ago = time.time() - 15 * 24 * 3600
    os.utime(hooks.data / "guard/s1", (weeks_ago, weeks_ago))
    hooks.fire("SessionStart", {"session_id": "s3"})
    assert [path.name for path in hooks.data.joinpath("guard").iterdir()] == ["s2"]


def test_what_is_kept_is_private(hooks: Hooks) -> None:
    hooks.arm()
    assert hooks.data.joinpath("guard/s1").stat().st_mode & 0o777 == 0o700


def test_hooks_are_for_every_skill_of_the_plugin_and_for_every_tool() -> None:
    events = registered(TEMPLATE)
    skills = [path.parent.name for path in TEMPLATE.glob("skills/*/SKILL.md")]
    matcher = re.compile(events["UserPromptExpansion"][0]["matcher"])
    assert skills
    for skill in skills:
        assert matcher.search(f"{PLUGIN}:{skill}")
        assert matcher.search(skill)
    assert not matcher.search("other:code-interpreter-execute")
    assert not matcher.search("compact")
    assert "matcher" not in events["PreToolUse"][0], "every tool is judged"
    assert "matcher" not in events["UserPromptSubmit"][0]


def test_guard_imports_little() -> None:
    heavy = {"re", "json", "enum", "typing", "dataclasses", "pathlib", "subprocess", "contextlib", "tempfile", "site"}
    program = "import sys; sys.path.insert(0, sys.argv[1]); from skill_guard import hook; "
    program += "hook.answer('PreToolUse', permissionDecision='allow'); print(); print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", program, str(ROOT / "src")]
    loaded = (
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.splitlines()[1].split()
    )
    assert heavy.isdisjoint(loaded)
    assert len(loaded) < 50
