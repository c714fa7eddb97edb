"""The lines of shell that the documents show: they work as they stand there, in their order, or at least parse."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.cli import dispatch
from support import tables
from support.build_folders import ROOT, write
from support.documents import PAGES, nox_sessions, page, shell_lines
from support.examples import parses, put_on_path

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from support.processes import CommandLine

# Those that need nothing but the emulator: a page, its chapter, and what one of its lines prints.
WORKING = {
    "first use": ("README.md", "## First use", "4242"),
    "files": ("docs/files-and-jobs.md", "## Files", "out/a.csv"),
    "completion": ("docs/use.md", "## Completion", ""),
    "code": ("docs/use.md", "## Running code", "a job"),
    "sessions": ("docs/use.md", "## Sessions", "session stopped"),
    "jobs": ("docs/files-and-jobs.md", "## Jobs", "trained"),
    "emulator": ("docs/emulator.md", "## Starting and stopping it", "stopped"),
    "checks": ("docs/troubleshooting.md", "", "ok"),
}
# What a reader puts in, or has.
READERS = {
    "=aws.codeinterpreter.v1": "=local",
    "start --timeout 3600": "start --timeout 3600 | tee session",
    "SESSION": '"$(cat session)"',
}
BEFORE = {"cp data.csv 'plots": "agentcore-sandbox exec work --cmd 'mkdir -p out; echo 1 > out/a.csv'"}
IN_THE_FOREGROUND = "agentcore-sandbox local serve"  # tests/emulator/test_serve.py
FILES = {
    "job.py": "import os; os.makedirs('out', exist_ok=True); open('out/b.csv', 'w').close(); print('a job')",
    "train.py": "print('trained')",
    "data.csv": "1,2",
    "plots/a.png": "a picture",
}
# Lines of other programs, and who runs them.
ELSEWHERE = (
    r"python3 -m venv \.venv && .*",  # .ci/run
    r"(claude |python3 dist/zipapps/|mkdir |export PATH=|uvx? |pipx |python3 -m venv ~/).*",  # tests/client
    r"(python3 -m pytest|npm |npx |go |mvn |cargo ).*",  # tests/recipes
    r"export CUSTOM_AGENTCORE_INTERPRETER_ID=\S+",  # above
    r"bash \.ci/run",
)
# Of Claude Code and other agents, the AWS CLI and systemd.
OF_OTHERS = {
    *("--add-mcp", "--config", "--output", "--plugin-dir", "--query", "--scope", "--strict", "--user"),
    *("--values-stdin", "--yolo"),
}
OF_NOX = {
    "--agents",
    "--allow-dirty",
    "--dry-run",
    "--fix",
    "--newest",
    "--push",
    "--readme",
    "--record",
    "--runs",
    "--upgrade",
}
NOX = re.compile(r"\.venv/bin/nox -s ([a-z-]+)")


def as_typed(line: str) -> list[str]:
    """A line with what a reader puts in, and what one does before it."""
    before = [command for part, command in BEFORE.items() if part in line]
    for placeholder, value in READERS.items():
        line = line.replace(placeholder, value)
    return [*before, line]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", tables.first(3, WORKING))
def test_every_line_works(local: CommandLine, tmp_path: Path, name: str) -> None:
    path, chapter, printed = WORKING[name]
    project = tmp_path / "project"
    for file, text in FILES.items():
        write(project / file, text)
    lines = [line for line in shell_lines(page(path, chapter)) if not line.startswith(IN_THE_FOREGROUND)]
    assert lines
    script = "\n".join(command for line in lines for command in as_typed(line))
    done = subprocess.run(
        ["/bin/bash", "-euxo", "pipefail", "-c", script],
        cwd=project,
        env=put_on_path(local) | {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_line_is_one_that_can_be_typed(path: Path) -> None:
    for line in shell_lines(path.read_text("utf-8")):
        if not any(re.fullmatch(pattern, line) for pattern in ELSEWHERE):
            used = NOX.match(line)
            assert used[1].rstrip("-") in nox_sessions() if used else parses(line), line


def commands_in(settings: Any) -> list[list[str]]:
    """Every command of a server in an agent's settings, with its arguments."""
    if not isinstance(settings, dict):
        return []
    if "command" in settings:
        words = settings["command"] if isinstance(settings["command"], list) else [settings["command"]]
        return [[*words, *settings.get("args", [])]]
    return [command for below in settings.values() for command in commands_in(below)]


def test_snippets_for_other_agents_start_the_server() -> None:
    text = page("docs/agents.md")
    shown = [*re.findall(r"```json\n(.*?)\n```", text), *re.findall(r"--add-mcp '(.*?)'", text)]
    found = [command for snippet in shown for command in commands_in(json.loads(snippet))]
    assert len(found) == len(shown) == 4
    assert all(command[:2] == ["agentcore-sandbox", "mcp"] and parses(shlex.join(command)) for command in found)


@pytest.fixture
def options(quick: CommandLine) -> set[str]:
    """The options of all commands, as their help shows them."""
    families = {name: getattr(commands(name), "SUBCOMMANDS", {}) for name in dispatch.COMMANDS if name != "help"}
    words = [[name, *([below] if below else [])] for name, family in families.items() for below in (family or [""])]
    shown = b"".join(quick.run("help", *command).stdout for command in words)
    return set(re.findall(r"--[a-z][a-z-]+", re.sub(r"-\n +", "-", shown.decode())))


def commands(name: str) -> ModuleType:
    return importlib.import_module(f"agentcore_sandbox.commands.{name}")


def test_options_between_the_lines_exist(options: set[str]) -> None:
    forms = ROOT.joinpath(".github/ISSUE_TEMPLATE").glob("*.yml")
    documents = [*PAGES, *ROOT.joinpath("plugin-template").rglob("*.md"), *forms]
    shown = {flag for path in documents for flag in re.findall(r"`[^`\n]*?(--[a-z][a-z-]+)", path.read_text("utf-8"))}
    assert len(shown) > 30
    assert shown <= options | {"--version"} | OF_OTHERS | OF_NOX
