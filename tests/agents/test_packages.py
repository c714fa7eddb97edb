"""The packages for other agents by their checkers, and the bundle as Claude Desktop starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentcore_sandbox.mcp.tools import TOOLS
from support.agents import MARKETPLACE, NAME, PACKAGE
from support.build_folders import ROOT, write
from support.mcp_client import McpClient
from support.processes import DEADLINE

MCPB = "AGENTCORE_TEST_MCPB"
BUNDLE = ROOT / f"dist/{NAME}.mcpb"
pytestmark = pytest.mark.skipif(MCPB not in os.environ, reason="`nox -s plugin` provides mcpb and dist/")
# What Claude Desktop does with a manifest and the user's answers, by the library that it has in common with `mcpb`.
CONFIGURATION = """
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";
import { readFileSync } from "node:fs";
const [folder, answers] = process.argv.slice(1);
const manifest = JSON.parse(readFileSync(`${folder}/manifest.json`));
const options = { manifest, extensionPath: folder, userConfig: JSON.parse(answers) };
Object.assign(options, { systemDirs: {}, pathSeparator: "/" });
console.log(JSON.stringify(await getMcpConfigForManifest(options) ?? null));
"""


def run(*words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The bundle, unpacked by `mcpb`."""
    done = run(os.environ[MCPB], "unpack", BUNDLE, tmp_path / "bundle")
    assert done.returncode == 0, done.stderr
    return tmp_path / "bundle"


def configuration(bundle: Path, **answers: str) -> Any:
    """How Claude Desktop starts the server of an unpacked bundle; None where it does not."""
    modules = Path(os.environ[MCPB]).parents[1]  # where node finds the import
    done = run("node", "--input-type=module", "--eval", CONFIGURATION, bundle, json.dumps(answers), cwd=modules)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_checkers_find_nothing_to_blame(unpacked: Path) -> None:
    done = run(os.environ[MCPB], "validate", unpacked / "manifest.json")
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = {PACKAGE: "agent-plugin, agentskills, codex-plugin", MARKETPLACE: "codex-marketplace"}
    for folder, kind in kinds.items():
        done = run(Path(sys.executable).with_name("skillsaw"), "lint", "--strict", "--no-progress", folder)
        assert (done.returncode, kind in done.stdout) == (0, True), done.stdout


@pytest.mark.skipif(sys.version_info < (3, 11), reason="skills-ref needs Python 3.11")
def test_the_checker_of_agent_skills_takes_this_skill_and_refuses_those_of_claude_code() -> None:
    checker = Path(sys.executable).with_name("agentskills")
    done = run(checker, "validate", PACKAGE / "skills/code-interpreter")
    assert (done.returncode, "Valid skill" in done.stdout) == (0, True), done.stderr
    for skill in ROOT.glob("plugin-template/skills/*"):
        assert run(checker, "validate", skill).returncode == 1


def test_the_bundle_starts_as_claude_desktop_starts_it(
    unpacked: Path, tmp_path: Path, variables: dict[str, str]
) -> None:
    project = write(tmp_path / "project/data.csv", "1\n2\n").parent
    assert configuration(unpacked, interpreter_id="local") is None  # the folder has to be chosen
    found = configuration(unpacked, folder=str(project), interpreter_id="local")
    environment = {
        **variables,
        **found["env"],
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    assert (environment["CUSTOM_AGENTCORE_AWS_PROFILE"], found["args"]) == ("", ["mcp", "--root", str(project)])
    command = [found["command"], *found["args"]]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        client = McpClient(process)
        client.initialize()
        assert {tool["name"] for tool in client.request("tools/list")["result"]["tools"]} == set(TOOLS)
        assert client.value("put_files", paths=["data.csv"])["files"] == ["data.csv"]
        result = client.value("run_code", code="import platform; print(6 * 7, platform.node())")
        assert result["stdout"].strip() == "42 sandbox"
        assert client.close() == 0
