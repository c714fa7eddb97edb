from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_sandbox.cli import dispatch
from support.build_folders import write

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


class LockedCalls:
    """Has the command line judge locked calls, in this process, and run none.

    Attributes:
        project: The working directory.
    """

    def __init__(self, patch: pytest.MonkeyPatch, project: Path) -> None:
        self._patch = patch
        self.project = project

    def using(self, **variables: str) -> None:
        """Set variables of the caller."""
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def judge(self, call: str) -> dict[str, Any]:
        """The values with which a command would run; raises what refuses the call."""
        return self.judge_words(shlex.split(call))

    def judge_words(self, words: list[str]) -> dict[str, Any]:
        command, rest = dispatch._split(["--locked", *words])
        parser, _, left = dispatch._load(str(command), rest)
        values = parser.parse(left)
        dispatch._lock(parser, values)
        return values


@pytest.fixture
def calls(project: Path, monkeypatch: pytest.MonkeyPatch) -> LockedCalls:
    """The project, with an interpreter and a profile configured."""
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.chdir(project)
    found = LockedCalls(monkeypatch, project)
    found.using(HOME=str(project.parent), CUSTOM_AGENTCORE_INTERPRETER_ID="local", CUSTOM_AGENTCORE_AWS_PROFILE="work")
    return found


@pytest.fixture
def plugin(calls: LockedCalls, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin on disk that the command line is a part of, with a script, a document and links."""
    root = calls.project.parent / "plugin root"
    for name in (
        ".claude-plugin/plugin.json",
        "skills/s/scripts/report.py",
        "skills/s/scripts/deep/x.py",
        "skills/s/SKILL.md",
        "hooks/guard",
        "x.py",
        "zipapps/program.pyz",
    ):
        write(root / name, name)
    root.joinpath("skills/s/scripts/away.py").symlink_to(calls.project.parent / ".aws/credentials")
    root.joinpath("skills/far").symlink_to(calls.project.parent / ".aws")
    root.with_name("plugin root-2").symlink_to(root)
    calls.project.joinpath("near.py").symlink_to(root / "skills/s/SKILL.md")
    monkeypatch.setattr(sys, "argv", [str(root / "bin/../zipapps/program.pyz")])
    return root
