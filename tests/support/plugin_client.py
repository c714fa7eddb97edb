"""The built plugin in the real Claude Code: prompts to its skills, and a model that asks for what a test wants."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from support.build_folders import ROOT, write
from support.claude_client import Client, make_client
from support.messages_api import Block, Script, messages_api, text, tool_use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = "aws-bedrock-agentcore-codeinterpreter"
PLUGIN_ID = f"{NAME}@agentcore-sandbox"
SECRET = "aws_secret_access_key = do-not-read-this"
END = [text("done")]
_DEFERRED = re.compile(r"deferred tools are now available via ToolSearch.*?\n((?:[\w-]+\n)+)")


def install_plugin(home: Path, variables: dict[str, str]) -> Client:
    """A client with the plugin installed from the built marketplace, set to the emulator as a user would."""
    client = make_client(home, variables)
    write(client.home / ".aws/credentials", f"[default]\n{SECRET}\n")
    client.run("plugin", "marketplace", "add", str(ROOT / "dist/marketplace"))
    client.run("plugin", "install", PLUGIN_ID, "--config", "interpreter_id=local")
    folder = client.plugins()[PLUGIN_ID]["installPath"]
    # The first start unpacks the zipapp: on a busy machine a client does not wait that long for its server.
    subprocess.run([f"{folder}/bin/agentcore-sandbox", "--version"], env=client.environment(), check=True, timeout=300)
    return client


def bash(command: str) -> list[Block]:
    return [tool_use("Bash", command=command, description="a test")]


def sandbox_tool(name: str, **arguments: Any) -> list[Block]:
    return [tool_use(f"mcp__plugin_{NAME}_sbx__{name}", **arguments)]


def talk(client: Client, project: Path, prompts: dict[str, list[list[Block]]], *flags: str, **more: str) -> Script:
    """Put each prompt; the model answers with the turns given for it."""
    turns = [turn for part in prompts.values() for turn in [*part, END]]
    with messages_api(*turns) as (url, script):
        client.talk(list(prompts), project, url, *flags, **more)
    return script


def offered_tools(script: Script) -> set[str]:
    """The names of all tools that the client tells the model of."""
    request = script.requests[0]
    later = _DEFERRED.search(json.dumps(request).replace("\\n", "\n"))
    names = {tool["name"] for tool in request["tools"]} | set(later[1].split() if later else [])
    return names - {"DeferredToolPlaceholder"}


@contextmanager
def replaced(path: Path, more: Mapping[str, object]) -> Iterator[None]:
    """Add to the user's settings for a moment."""
    before = path.read_text()
    path.write_text(json.dumps({**json.loads(before), **more}))
    try:
        yield
    finally:
        path.write_text(before)
