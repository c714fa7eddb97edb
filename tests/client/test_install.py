"""What `claude` does with the built plugin and marketplace. `nox -s plugin` installs the one and builds the others."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from plugin_build.source_tree import files_below
from support.build_folders import ROOT, VERSION_FILE, build, git, git_environment, write
from support.claude_client import PROGRAM, Client, lint
from support.messages_api import messages_api, text

pytestmark = pytest.mark.skipif(PROGRAM not in os.environ, reason="`nox -s plugin` provides Claude Code and dist/")

NAME = "aws-bedrock-agentcore-codeinterpreter"
PLUGIN_ID = f"{NAME}@agentcore-sandbox"
MARKETPLACE = ROOT / "dist/marketplace"
PLUGIN = ROOT / "dist/plugin" / NAME
MANIFEST = Path(".claude-plugin/plugin.json")
URL = "https://example.invalid/marketplace.git"


PLATFORMS = ("any", "darwin-universal", "linux-amd64", "linux-arm64", "windows-amd64")
GUARD = ("__init__", "bash_calls", "guarded_prompts", "hook", "scanner", "settings")
SHIPPED = {
    ".claude-plugin/icon.png",
    ".claude-plugin/plugin.json",
    ".gitattributes",
    "LICENSE",
    "README.md",
    "SHA256SUMS",
    "THIRD_PARTY_NOTICES",
    "bin/agentcore-sandbox",
    "bin/agentcore-sandbox.cmd",
    "hooks/guard",
    "hooks/expansion.json",
    "hooks/hooks.json",
    *(f"hooks/skill_guard/{name}.py" for name in GUARD),
    "lib/options.sh",
    "lib/python.sh",
    "lib/start.py",
    "sbom.cdx.json",
    *(f"skills/{path.as_posix()}" for path in files_below(ROOT / "plugin-template/skills")),
    *(f"zipapps/agentcore-sandbox-{platform}.pyz" for platform in PLATFORMS),
}
RUNNABLE = {"bin/agentcore-sandbox", "hooks/guard"}


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Each file's permissions and checksum, without the marks that a running client leaves."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".in_use")
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode & 0o777,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in files
    }


def test_exactly_this_ships() -> None:
    shipped = contents(PLUGIN)
    assert shipped.keys() == SHIPPED
    runnable = {name for name, (mode, _) in shipped.items() if mode == 0o755 and not name.endswith(".pyz")}
    assert runnable == RUNNABLE
    assert contents(MARKETPLACE / "plugins" / NAME) == shipped


NEWER_KEYS = {"engines", "network"}  # of plugin.json, which older versions of Claude Code ignore


@pytest.mark.parametrize("folder", [MARKETPLACE, PLUGIN], ids=["marketplace", "plugin"])
def test_claude_and_agnix_find_nothing_to_blame(client: Client, folder: Path) -> None:
    for_directory = "--profile" in client.run("plugin", "validate", "--help").stdout and folder == PLUGIN
    flags = ["--strict", *(["--profile", "directory"] if for_directory else [])]
    report = client.run("plugin", "validate", *flags, str(folder), check=False).stdout
    assert "Validation passed" in report or only_newer_keys(report), report
    linted = lint(folder, client.home).stdout
    assert only_newer_keys(linted), linted


def only_newer_keys(report: str) -> bool:
    """Whether nothing is wrong but keys that the reporter does not know yet."""
    unknown = {name for name in NEWER_KEYS if re.search(f"Unknown (plugin manifest )?field '{name}'", report)}
    return bool(re.search(rf"Found (0 errors, )?{len(unknown)} warnings", report))


def test_claude_and_agnix_would_find_faults(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / NAME
    shutil.copytree(PLUGIN, broken, ignore=shutil.ignore_patterns("*.pyz"))
    manifest = json.loads(broken.joinpath(MANIFEST).read_text())
    write(broken / MANIFEST, json.dumps({**manifest, "nonsense": True}))
    write(broken / "skills/code-interpreter-execute/SKILL.md", "---\nname: Not Allowed\n---\n")
    assert client.run("plugin", "validate", "--strict", str(broken), check=False).returncode == 1
    assert lint(broken, client.home).returncode == 1


def run_readme(client: Client, beginning: str) -> str:
    """Run the README's lines of shell that begin so, in the source folder, as a reader would."""
    lines = [line for line in ROOT.joinpath("README.md").read_text("utf-8").splitlines() if line.startswith(beginning)]
    assert lines
    return subprocess.run(
        ["/bin/sh", "-ec", "\n".join(lines)],
        cwd=ROOT,
        env=client.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout


def test_install_as_the_readme_says_is_exact_and_runs_code(client: Client) -> None:
    run_readme(client, "claude plugin ")
    installed = client.plugins()[PLUGIN_ID]
    folder = Path(installed["installPath"])
    assert installed["enabled"]
    assert installed["version"] == json.loads(PLUGIN.joinpath(MANIFEST).read_text())["version"]
    assert contents(folder) == contents(PLUGIN)
    program = [str(folder / "bin/agentcore-sandbox"), "run", "--interpreter-id", "local"]
    answer = subprocess.run(
        [*program, "import platform; print(6 * 7, platform.node())"],
        env=client.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "42 sandbox", "")


def make_edition(tmp_path: Path, version: str) -> Path:
    """A source tree whose dist/marketplace is the built one with another version, and without the large zipapps."""
    source = tmp_path / f"source-{version}"
    large = shutil.ignore_patterns("*-linux-*.pyz", "*-darwin-*.pyz", "*-windows-*.pyz")
    shutil.copytree(MARKETPLACE, source / "dist/marketplace", ignore=large)
    shutil.copytree(ROOT / "plugin-template/.claude-plugin", source / "plugin-template/.claude-plugin")
    manifest = source / "dist/marketplace/plugins" / NAME / MANIFEST
    write(manifest, json.dumps({**json.loads(manifest.read_text()), "version": version}))
    write(source / VERSION_FILE, f'__version__ = "{version}"\n')
    return source


@pytest.fixture
def repository(tmp_path: Path, client: Client) -> Path:
    """A bare marketplace repository that the client's git finds behind URL."""
    path = tmp_path / "bare.git"
    environment = git_environment(tmp_path / "home")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(path), environment=environment)
    write(client.home / ".gitconfig", f'[url "file://{path}"]\n\tinsteadOf = {URL}\n')
    return path


def publish(repository: Path, tmp_path: Path, version: str) -> None:
    """Publish the built plugin as another version."""
    source = make_edition(tmp_path, version)
    build(source, "publish", "--allow-dirty", str(repository), "--push", environment=git_environment(tmp_path / "home"))


def test_install_from_git_update_and_uninstall(client: Client, repository: Path, tmp_path: Path) -> None:
    publish(repository, tmp_path, "1.0.0")
    client.run("plugin", "marketplace", "add", URL)
    client.run("plugin", "install", PLUGIN_ID)
    assert client.plugins()[PLUGIN_ID]["version"] == "1.0.0"

    publish(repository, tmp_path, "1.1.0")
    client.run("plugin", "marketplace", "update", "agentcore-sandbox")
    client.run("plugin", "update", PLUGIN_ID)
    updated = client.plugins()[PLUGIN_ID]
    assert updated["version"] == "1.1.0"
    published = contents(tmp_path / "source-1.1.0/dist/marketplace/plugins" / NAME)
    assert contents(Path(updated["installPath"])) == published

    client.run("plugin", "uninstall", PLUGIN_ID)
    assert client.plugins() == {}


def test_published_tag_is_the_one_that_claude_would_make(client: Client, repository: Path, tmp_path: Path) -> None:
    publish(repository, tmp_path, "1.0.0")
    environment = git_environment(tmp_path / "home")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(repository), str(clone), environment=environment)
    answer = client.run("plugin", "tag", "--dry-run", "--force", str(clone / "plugins" / NAME)).stdout
    assert f"{git(clone, 'describe', '--exact-match', environment=environment)}" in answer


def team_settings(page: Path, url: str) -> str:
    """The settings that a page shows, with the repository's URL in place of the one it shows."""
    shown = page.read_text("utf-8").partition("```json\n")[2].partition("```")[0]
    assert url in shown
    return json.dumps(json.loads(shown.replace(url, URL)))


def test_a_team_gets_the_plugin_by_the_settings_that_the_documents_show(
    client: Client, repository: Path, tmp_path: Path
) -> None:
    publish(repository, tmp_path, "1.0.0")
    settings = team_settings(ROOT / "docs/use.md", "https://git.example.com/team/marketplace.git")
    assert settings == team_settings(MARKETPLACE / "README.md", "<the git URL of this repository>")
    project = tmp_path / "project"
    write(project / ".claude/settings.json", settings)
    client.trust(project)
    with messages_api([text("hello")]) as (url, _):
        events = client.ask("hi", project, url, CLAUDE_CODE_SYNC_PLUGIN_INSTALL="1")
    skills = next(event["skills"] for event in events if event.get("subtype") == "init")
    assert f"{NAME}:code-interpreter-execute" in skills
