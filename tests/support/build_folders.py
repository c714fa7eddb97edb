"""A small but complete source tree for the build, and scratch git repositories, in temporary folders only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "example-plugin"
VERSION_FILE = "src/agentcore_sandbox/__init__.py"
MANIFEST = {
    "name": NAME,
    "license": "MIT",
    "mcpServers": {"sbx": {"env": {"WHERE": "${WHERE:-${user_config.where}}"}}},
    "userConfig": {"where": {"title": "Where", "description": "Where code runs. WHERE wins over it"}},
}


def git_environment(home: Path) -> dict[str, str]:
    """An environment from nothing: git finds no configuration, identity or repository but ours."""
    home.mkdir(parents=True, exist_ok=True)
    names = {f"GIT_{role}_{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "PYTHONPATH": str(ROOT / "src"),
        **{name: "test@example.invalid" if name.endswith("EMAIL") else "Test" for name in names},
    }


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    """Write a file with its folders; a link is replaced, never followed to what it points to."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def make_source(root: Path, version: str = "0.1.0") -> Path:
    """A source tree with all that `plugin`, `marketplace`, `publish` and `release` read."""
    entry = {"name": NAME, "source": f"./plugins/{NAME}", "description": "An example"}
    catalogue = {"name": "example", "description": "Examples", "owner": {"name": "Test"}, "plugins": [entry]}
    write(root / VERSION_FILE, f'"""A package."""\n\n__version__ = "{version}"\n')
    write(root / "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n### Added\n\n- Something new.\n")
    write(root / "LICENSE", "The licence\n")
    write(root / ".gitignore", "dist/\n")
    write(root / "plugin-template/.claude-plugin/plugin.json", json.dumps(MANIFEST))
    write(root / "plugin-template/.claude-plugin/icon.png", "a picture")
    write(root / "plugin-template/portable/skills/code-interpreter/SKILL.md", "---\nname: code-interpreter\n---\n")
    skill = root / "plugin-template/skills/code-interpreter-execute"
    write(
        skill / "SKILL.md",
        "---\nname: code-interpreter-execute\n---\n\n## Run\n\nSee `${CLAUDE_SKILL_DIR}/references/aws.md`.\n",
    )
    write(skill / "references/aws.md", "More\n")
    write(root / "plugin-template/bin/agentcore-sandbox", "#!/bin/sh\necho hello\n", 0o755)
    write(root / "plugin-template/.gitattributes", "*.cmd text eol=crlf\n")
    write(root / "plugin-template/README.md", "The plugin\n")
    write(root / "src/skill_guard/__init__.py", "")
    write(root / "marketplace/.claude-plugin/marketplace.json", json.dumps(catalogue))
    write(root / "marketplace/README.md", "The marketplace\n")
    write(root / "dist/zipapps/agentcore-sandbox-any.pyz", "zipapp for any\n", 0o755)
    write(root / "dist/zipapps/agentcore-sandbox-linux-amd64.pyz", "zipapp for linux\n", 0o755)
    for name in ("THIRD_PARTY_NOTICES", "sbom.cdx.json", "SHA256SUMS"):
        write(root / "dist" / name, f"{name}\n")
    return root


def build(root: Path, *words: str, environment: dict[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `python -m plugin_build` on a source tree, as the nox sessions do."""
    command = [sys.executable, "-m", "plugin_build", words[0], "--root", str(root), *words[1:]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def git(repository: Path, *words: str, environment: dict[str, str]) -> str:
    """Run git in a scratch repository."""
    command = ["git", "-C", str(repository), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
