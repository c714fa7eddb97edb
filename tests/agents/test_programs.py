"""Each agent installs its package, lists the tools of the server, and calls them against the emulator."""

from __future__ import annotations

import json
import os
import platform
import re
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.mcp.tools import TOOLS
from plugin_build.source_tree import write_object
from support import model_api
from support.agents import MARKETPLACE, NAME, NOWHERE, PACKAGE, PROGRAMS, Agent, make_agent, program, warm_up
from support.build_folders import ROOT
from support.documents import page
from support.model_api import Model, Turn

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(PROGRAMS not in os.environ, reason="`nox -s plugin -- --agents` provides the agents")

PLUGIN_ID = f"{NAME}@agentcore-sandbox"
ONLY_IN_CLAUDE_CODE = {path.name for path in ROOT.glob("plugin-template/skills/*")}
SNIPPET = re.search(r"In `opencode.json`:\n\n```json\n(.*)\n```", page("docs/agents.md"))
TURNS = (
    Turn("put_files", {"paths": ["data.csv"]}),
    Turn("run_code", {"code": "import platform; open('sum', 'w').write(f'{40 + 2} {platform.node()}')"}),
    Turn("get_files", {"paths": ["sum"], "to": "sandbox-output/sum.txt"}),
)


def offered(model: Model) -> str:
    """All that the model was told at first."""
    return json.dumps(model.requests[0])


CATALOGUE_OF_OPENAI = {f"CONNECT {host}:443" for host in ("github.com", "api.github.com", "chatgpt.com")}
"""What Codex wants at each start, whatever its settings say."""


def check(agent: Agent, model: Model, *, with_skill: bool = True) -> None:
    """The model was offered all tools, and the portable skill alone; its calls did their work in the project."""
    told = offered(model)
    assert [name for name in TOOLS if f'{name}"' not in told] == []
    assert ("code-interpreter" in told) is with_skill
    assert [name for name in ONLY_IN_CLAUDE_CODE if name in told] == []
    assert agent.project.joinpath("sandbox-output/sum.txt").read_text() == "42 sandbox"
    assert model.turns == []
    assert set(model.strangers) <= CATALOGUE_OF_OPENAI


def codex(home: Path, variables: dict[str, str]) -> Agent:
    agent = make_agent(
        [program("@openai/codex-*/vendor/*/bin/codex")], home, variables, CODEX_HOME=str(home / ".codex"), KEY="dummy"
    )
    home.joinpath(".codex").mkdir()
    return agent


def codex_exec(agent: Agent, url: str) -> str:
    """Put a prompt to Codex with our model."""
    provider = f'{{name="loop",base_url="{url}/v1",env_key="KEY",wire_api="responses"}}'
    settings = {"model": "m", "model_provider": "loop", "model_providers.loop": provider}
    settings |= {"check_for_update_on_startup": "false", "analytics.enabled": "false"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return agent.run("exec", *words, "--skip-git-repo-check", "--json", "go on", url=url)


def test_codex(tmp_path: Path, variables: dict[str, str]) -> None:
    agent = codex(tmp_path / "home", variables)
    agent.run("plugin", "marketplace", "add", str(MARKETPLACE))
    agent.run("plugin", "add", PLUGIN_ID)
    installed = agent.home / ".codex/plugins/cache/agentcore-sandbox" / NAME
    [folder] = installed.iterdir()
    assert re.search(rf"{PLUGIN_ID} +installed, enabled +{re.escape(folder.name)}", agent.run("plugin", "list"))
    assert "sbx" in agent.run("mcp", "list")
    assert {path.name for path in folder.joinpath("skills").iterdir()} == {"code-interpreter"}
    warm_up(agent, folder / "bin/agentcore-sandbox")
    with model_api.serving(*TURNS) as (url, model):
        assert "requires approval" in codex_exec(agent, url)  # nothing runs unasked
    policy = f'\n[plugins."{PLUGIN_ID}".mcp_servers.sbx]\ndefault_tools_approval_mode = "approve"\n'
    with agent.home.joinpath(".codex/config.toml").open("a") as file:
        file.write(policy)
    with model_api.serving(*TURNS) as (url, model):
        codex_exec(agent, url)
    check(agent, model)


def gemini(home: Path, variables: dict[str, str]) -> Agent:
    agent = make_agent(
        ["node", program("@google/gemini-cli/bundle/gemini.js")],
        home,
        variables,
        GEMINI_API_KEY="dummy",
        GEMINI_TELEMETRY_ENABLED="false",
    )
    settings = {
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
    }
    write_object(home / ".gemini/settings.json", settings)
    return agent


def test_gemini(tmp_path: Path, variables: dict[str, str]) -> None:
    agent = gemini(tmp_path / "home", variables)
    agent.run("extensions", "install", str(PACKAGE), "--consent", "--skip-settings", answer="y\n")
    folder = agent.home / ".gemini/extensions" / NAME
    warm_up(agent, folder / "bin/agentcore-sandbox")
    with model_api.serving(*TURNS) as (url, model):
        agent.own["GOOGLE_GEMINI_BASE_URL"] = url
        agent.run("--skip-trust", "--yolo", "--model", "gemini-2.5-flash", "--prompt", "go on", url=url)
    check(agent, model)


def test_gemini_leaves_out_the_skills_that_only_claude_code_restricts(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    agent = gemini(tmp_path / "home", variables)
    words = ("skills", "install", str(MARKETPLACE), "--consent", "--path")
    refused = agent.start(*words, f"plugins/{NAME}/skills")
    assert "No valid skills found" in refused.stdout + refused.stderr
    agent.run(*words, f"portable/{NAME}/skills")
    assert [path.name for path in agent.home.joinpath(".gemini/skills").iterdir()] == ["code-interpreter"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="requirements/agents locks opencode for x86-64 alone")
def test_opencode_with_the_snippet(tmp_path: Path, variables: dict[str, str]) -> None:
    agent = make_agent(
        [program("opencode-linux-x64/bin/opencode")],
        tmp_path / "home",
        variables,
        OPENCODE_DISABLE_AUTOUPDATE="1",
        OPENCODE_DISABLE_MODELS_FETCH="1",
        OPENCODE_DISABLE_LSP_DOWNLOAD="1",
        OPENCODE_DISABLE_DEFAULT_PLUGINS="1",
        npm_config_registry=NOWHERE,  # it installs a package of its own in the background
    )
    agent.home.joinpath("bin/agentcore-sandbox").symlink_to(PACKAGE / "bin/agentcore-sandbox")
    warm_up(agent, agent.home / "bin/agentcore-sandbox")
    assert SNIPPET
    with model_api.serving(*TURNS) as (url, model):
        options = {"baseURL": f"{url}/v1", "apiKey": "dummy"}
        provider = {"npm": "@ai-sdk/openai-compatible", "name": "loop", "options": options, "models": {"m": {}}}
        own = {"autoupdate": False, "share": "disabled", "model": "loop/m", "provider": {"loop": provider}}
        write_object(agent.project / "opencode.json", {**own, **json.loads(SNIPPET[1])})
        assert "connected" in agent.run("mcp", "list", url=url)
        agent.run("run", "--format", "json", "go on", url=url)
    check(agent, model, with_skill=False)
