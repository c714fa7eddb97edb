"""The examples of skills: found in their documents, judged by the guard, run as Claude would run them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped] # PyYAML has no types

from agentcore_sandbox.cli import dispatch
from support.build_folders import write
from support.processes import DEADLINE, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from support.logs_server import LogsServer
    from support.mcp_client import McpClient

# In the documents of skills that work with the server's tools: the arguments of a tool, or code for `run_code`.
TOOL_BLOCK = re.compile(r"^```(?:json (\w+)|(python|sh))\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# An example that calls AWS: in Python, by AWS's command line, or by a script of a skill.
CALLS_AWS = re.compile(r"\bboto3\b|\baws |/scripts/")


def examples(document: Path, plugin: Path) -> list[str]:
    """The commands in a document, one to a block, as Claude sees them when the plugin is installed there."""
    return [block.replace("${CLAUDE_PLUGIN_ROOT}", str(plugin)) for block in BLOCK.findall(document.read_text("utf-8"))]


def tool_calls(document: Path, plugin: Path) -> list[tuple[str, dict[str, Any]]]:
    """The calls of tools in a document, with their arguments, as Claude sees them in an installed plugin."""
    text = document.read_text("utf-8").replace("${CLAUDE_PLUGIN_ROOT}", str(plugin))
    return [
        (tool, json.loads(body))
        if tool
        else ("run_code", {"code": body, "language": {"sh": "shell"}.get(language, language)})
        for tool, language, body in TOOL_BLOCK.findall(text)
    ]


def call_with_account(client: McpClient, tool: str, arguments: dict[str, Any], account: LogsServer) -> dict[str, Any]:
    """Make a call of an example that must succeed, with the pretend account in AWS's place."""
    if tool in ("run_code", "job_start"):
        arguments = {**arguments, "env": {**account.variables(), **arguments.get("env", {})}}
    return client.value(tool, **arguments)


def frontmatter(skill: Path) -> dict[str, Any]:
    """What stands between the first two lines of dashes."""
    found: dict[str, Any] = yaml.safe_load(skill.read_text("utf-8").split("---\n")[1])
    return found


def with_account(example: str, account: LogsServer) -> str:
    """An example that calls AWS, with the pretend account in AWS's place; any other as it is."""
    if not CALLS_AWS.search(example):
        return example
    values = " ".join(f"--env {name}={shlex.quote(value)}" for name, value in account.variables().items())
    return example.replace("agentcore-sandbox --locked run", f"agentcore-sandbox --locked run {values}", 1)


def as_part_of(plugin: Path, local: CommandLine) -> CommandLine:
    """The command line as a plugin has it, whose scripts it then runs when it is locked."""
    program = plugin / "zipapps/program.pyz"
    if local.command[-1].endswith(".pyz"):
        program.parent.mkdir()
        shutil.copy(local.command[-1], program)
    else:
        write(program, "from agentcore_sandbox.__main__ import main\nraise SystemExit(main())\n")
    return replace(local, command=(local.command[0], str(program)))


def put_on_path(local: CommandLine) -> dict[str, str]:
    """The variables of a shell that finds the command line under its name."""
    words = " ".join(f"'{word}'" for word in local.command)
    write(local.home / "bin/agentcore-sandbox", f'#!/bin/sh\nexec {words} "$@"\n', 0o755)
    return local.environment(PATH=f"{local.home / 'bin'}:{local.base['PATH']}", AWS_REGION="us-east-1")


def run_as_claude_would(example: str, local: CommandLine, project: Path) -> subprocess.CompletedProcess[str]:
    """Give a whole example to a shell; one that calls AWS runs where there is a network."""
    more = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local-public"} if CALLS_AWS.search(example) else {}
    return subprocess.run(
        ["/bin/sh", "-c", example],
        cwd=project,
        env=put_on_path(local) | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def parses(example: str) -> bool:
    """Parse the words of the command itself, without what the shell does around them."""
    found = re.search(r"agentcore-sandbox (?:--locked )?((?:'[^']*'|[^'|<>&)])*)", example)
    assert found, example
    name, *words = shlex.split(found[1])
    parser, _, rest = dispatch._load(name, words)
    return bool(parser.parse(rest))
