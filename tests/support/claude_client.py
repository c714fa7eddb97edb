"""The real Claude Code in a scratch home: an environment built from nothing, no account, no network but loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = "AGENTCORE_TEST_CLAUDE"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens


@dataclass(frozen=True)
class Client:
    """One installation of Claude Code.

    Attributes:
        program: The native program.
        home: Its home folder, which holds its configuration, and `bin` with `claude` and the first Python on its PATH.
        base: The variables that every child of the tests gets.
    """

    program: Path
    home: Path
    base: dict[str, str]

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **self.base,
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),  # it leaves folders there
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            "PATH": f"{self.home / 'bin'}:/usr/bin:/bin",
            "ANTHROPIC_API_KEY": "dummy",
            "ANTHROPIC_BASE_URL": NOWHERE,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            **more,
        }

    def run(self, *words: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.program, *words],
            cwd=self.home,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def ask(self, prompt: str, folder: Path, url: str, **more: str) -> list[dict[str, Any]]:
        """Put one prompt in a folder to the Messages API at that URL; gives the events that `claude` prints."""
        done = subprocess.run(
            [self.program, "-p", prompt, "--output-format", "stream-json", "--verbose"],
            cwd=folder,
            env=self.environment(ANTHROPIC_BASE_URL=url, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def trust(self, folder: Path) -> None:
        """Answer yes to the question whether a project's own settings may be used."""
        state = {"projects": {str(folder): {"hasTrustDialogAccepted": True}}}
        self.home.joinpath(".claude").mkdir(exist_ok=True)
        self.home.joinpath(".claude/.claude.json").write_text(json.dumps(state))

    def plugins(self) -> dict[str, dict[str, Any]]:
        """The installed plugins by id; fails where one did not load, which an install does not tell."""
        listing = self.run("plugin", "list").stdout
        assert "failed to load" not in listing, listing
        return {plugin["id"]: plugin for plugin in json.loads(self.run("plugin", "list", "--json").stdout)}


def make_client(home: Path, base: dict[str, str]) -> Client:
    """A client that has never run before."""
    for name in ("bin", "tmp"):
        home.joinpath(name).mkdir(parents=True)
    home.joinpath("bin/python3").symlink_to(Path(sys.executable).resolve())
    home.joinpath("bin/claude").symlink_to(os.environ[PROGRAM])
    return Client(Path(os.environ[PROGRAM]), home, base)
