"""Skills with a script of the plugin's in the real Claude Code: CloudTrail's, and one that was just begun."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.isolation import python
from support import logs_server
from support.build_folders import ROOT, VERSION_FILE, build, git_environment, write
from support.claude_client import PROGRAM, Client, lint
from support.examples import tool_calls
from support.plugin_client import NAME, SECRET, bash, sandbox_tool, talk
from support.trail import ACCOUNT, denied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.logs_server import LogsServer
    from support.messages_api import Block, Script

pytestmark = pytest.mark.skipif(PROGRAM not in os.environ, reason="`nox -s plugin` provides Claude Code and dist/")

EQUIPPED = {python.VARIABLE: sys.executable}  # a Python with boto3, as AWS's interpreters have


@pytest.fixture(scope="module")
def account() -> Iterator[LogsServer]:
    with logs_server.serve() as server:
        now = int(time.time() * 1000)
        server.put("my-trail", [(now, denied()), (now - 1000, denied()), (now, denied("kms:Decrypt", error=None))])
        server.client("s3").create_bucket(Bucket="the-first-one")
        yield server


def ask(client: Client, project: Path, prompt: str, calls: list[list[Block]], *flags: str, **more: str) -> Script:
    """Put one prompt; the model asks for these calls."""
    return talk(client, project, {prompt: calls}, *flags, **EQUIPPED, **more)


def first_call(skill: Path, plugin: Path, account: LogsServer) -> list[Block]:
    """The first example of a skill, with the pretend account in AWS's place."""
    (name, given), *_ = tool_calls(skill / "SKILL.md", plugin)
    return sandbox_tool(name, **{**given, "env": {**account.variables(), **given.get("env", {})}})


def test_cloudtrail_skill_prints_its_table(client: Client, project: Path, account: LogsServer) -> None:
    client.run("plugin", "marketplace", "add", str(ROOT / "dist/marketplace"))
    client.run("plugin", "install", f"{NAME}@agentcore-sandbox", "--config", "interpreter_id=local-public")
    plugin = ROOT / "dist/marketplace/plugins" / NAME  # a marketplace in a folder is used in place
    first = first_call(plugin / "skills/cloudtrail-access-denied", plugin, account)
    prompt = f"/{NAME}:cloudtrail-access-denied the last 24 hours of log group my-trail"
    script = ask(client, project, prompt, [first, bash(f"cat {plugin}/README.md")], "--allowedTools", "Bash")
    (failed, output), (stopped, _) = script.tool_results()
    assert not failed, output
    line = next(line for line in json.loads(output)["stdout"].splitlines() if "alice" in line)
    assert line.split()[:5] == ["2", f"{ACCOUNT}:user/alice", "s3:GetObject", "203.0.113.7", "AccessDenied"]
    assert "kms" not in output
    assert stopped


@pytest.fixture
def with_new_skill(tmp_path: Path) -> Path:
    """The plugin, staged with a skill just begun."""
    source = tmp_path / "source"
    for name in ("marketplace", "plugin-template", "src/plugin_build/skill_template", "src/skill_guard"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    large = shutil.ignore_patterns("*-darwin-*.pyz", "*-windows-*.pyz")
    shutil.copytree(ROOT / "dist/zipapps", source / "dist/zipapps", ignore=large)
    for name in (
        "LICENSE",
        VERSION_FILE,
        *(f"dist/{paper}" for paper in ("THIRD_PARTY_NOTICES", "sbom.cdx.json", "SHA256SUMS")),
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    environment = git_environment(tmp_path / "git-home")
    build(source, "new-skill", "s3-inventory", "Lists the buckets.", environment=environment)
    build(source, "plugin", environment=environment)
    return source / "dist/plugin" / NAME


def test_new_skill_is_valid_guarded_and_runs(
    client: Client, project: Path, account: LogsServer, with_new_skill: Path
) -> None:
    assert (
        "skills/s3-inventory"
        not in client.run("plugin", "validate", "--strict", str(with_new_skill), check=False).stdout
    )
    assert "skills/s3-inventory/" not in lint(with_new_skill, client.home).stdout
    write(client.home / ".aws/credentials", f"[default]\n{SECRET}\n")
    first = first_call(with_new_skill / "skills/s3-inventory", with_new_skill, account)
    flags = ("--plugin-dir", str(with_new_skill), "--allowedTools", "Bash")
    here = {"CUSTOM_AGENTCORE_INTERPRETER_ID": "local-public"}
    (failed, output), (stopped, reason) = ask(
        client, project, f"/{NAME}:s3-inventory all", [first, bash("cat ~/.aws/credentials")], *flags, **here
    ).tool_results()
    assert (failed, "the-first-one" in output) == (False, True), output
    assert stopped
    assert SECRET not in reason
