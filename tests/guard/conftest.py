from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skill_guard.flag_checks import HookContext

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working directory with ordinary, hidden and secret files, and with links."""
    folder = tmp_path / "home/project"
    for name in (
        "data.csv",
        "src/job.py",
        "src/a b/é.txt",
        "keys/server.pem",
        "mixed/fine.txt",
        "mixed/.env",
        "with:colon",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name in (".env", ".git/config", ".claude/settings.json", "id_rsa", "CLAUDE.md"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    tmp_path.joinpath("home/.aws").mkdir()
    tmp_path.joinpath("home/.aws/credentials").write_text("secret")
    tmp_path.joinpath("home/outside.txt").write_text("outside")
    folder.joinpath("inner").symlink_to("src")
    folder.joinpath("outer").symlink_to(tmp_path / "home/.aws")
    folder.joinpath("innocent").symlink_to(".env")
    folder.joinpath("linked").mkdir()
    folder.joinpath("linked/away").symlink_to(tmp_path / "home/outside.txt")
    return folder


@pytest.fixture
def context(project: Path) -> HookContext:
    """The project, with an interpreter and a profile configured, and the plugin's folders elsewhere."""
    variables = {
        "CUSTOM_AGENTCORE_INTERPRETER_ID": "local",
        "CUSTOM_AGENTCORE_AWS_PROFILE": "work",
        "CLAUDE_PLUGIN_ROOT": "/plugins/code interpreter",
        "CLAUDE_PLUGIN_DATA": str(project.parent / "plugin-data"),
        "HOME": str(project.parent),
    }
    return HookContext(str(project), variables)
