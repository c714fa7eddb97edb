"""The skills under a company's managed settings, which the client finds in /etc: here in a copy of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.build_folders import ROOT, write
from support.claude_client import PROGRAM, Client
from support.plugin_client import NAME, PLUGIN_ID, bash, sandbox_tool, talk

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.skipif(PROGRAM not in os.environ, reason="`nox -s plugin` provides Claude Code and dist/")

MARKETPLACE = {"source": "directory", "path": str(ROOT / "dist/marketplace")}
OFFERED = {
    "extraKnownMarketplaces": {"agentcore-sandbox": {"source": MARKETPLACE}},
    "enabledPlugins": {PLUGIN_ID: True},
}
ONLY_MANAGED = {"allowManagedPermissionRulesOnly": True}
TOOLS, CLI = f"/{NAME}:code-interpreter-execute", f"/{NAME}:code-interpreter-execute-cli"
RUN = sandbox_tool("run_code", code="print(6 * 7)")
CALL = bash("agentcore-sandbox --locked run 'print(6 * 7)'")


@pytest.fixture
def bwrap() -> Path:
    program = shutil.which("bwrap")
    if program is None:
        pytest.skip("there is no bwrap")
    return Path(program)


def managed(client: Client, bwrap: Path, settings: Mapping[str, object]) -> Client:
    """The client where managed settings say so."""
    etc = client.home / "etc"
    if not etc.exists():
        subprocess.run(["/bin/cp", "--archive", "/etc", etc], capture_output=True, check=False)  # what may be read
    write(etc / "claude-code/managed-settings.json", json.dumps(settings))
    words = f"{bwrap} --bind / / --dev-bind /dev /dev --bind '{etc}' /etc {client.program}"
    return replace(client, program=write(client.home / "managed", f'#!/bin/sh\nexec {words} "$@"\n', 0o755))


def test_a_company_installs_and_sets_it_and_nobody_is_asked(client: Client, project: Path, bwrap: Path) -> None:
    options = {"pluginConfigs": {PLUGIN_ID: {"options": {"interpreter_id": "local"}}}}
    company = managed(client, bwrap, {**ONLY_MANAGED, **OFFERED, **options})
    waits = {"CLAUDE_CODE_SYNC_PLUGIN_INSTALL": "1"}
    results = talk(company, project, {f"{TOOLS} x": [RUN], f"{CLI} x": [CALL]}, **waits).tool_results()
    assert [failed for failed, _ in results] == [False, False], results
    assert all("42" in output for _, output in results)


def test_where_only_managed_rules_count_the_guard_still_answers(installed: Client, project: Path, bwrap: Path) -> None:
    company = managed(installed, bwrap, ONLY_MANAGED)
    first, second = talk(company, project, {f"{CLI} x": [CALL, bash("echo free")]}).tool_results()
    assert first == (False, "42")
    assert second[0]


@pytest.mark.parametrize("setting", ["allowManagedHooksOnly", "disableAllHooks"])
def test_without_hooks_the_client_itself_takes_the_shell_away(
    installed: Client, project: Path, bwrap: Path, setting: str
) -> None:
    company = managed(installed, bwrap, {setting: True})
    script = talk(company, project, {f"{TOOLS} x": [RUN, bash("echo free")]}, "--allowedTools", "Bash")
    (failed, _), (denied, reason) = script.tool_results()
    assert (failed, denied) == (False, True)
    assert "Permission to use Bash has been denied" in reason
