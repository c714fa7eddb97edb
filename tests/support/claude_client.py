"""The real Claude Code in a scratch home: an environment built from nothing, no account, no network but loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            timeout=300,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def talk(self, prompts: list[str], folder: Path, url: str, *flags: str, **more: str) -> list[dict[str, Any]]:
        """Put prompts one after the other in one session; gives the last event of each. An empty one only waits."""
        formats = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        with subprocess.Popen(
            [str(self.program), "-p", *formats, *flags],
            cwd=folder,
            env=self.environment(ANTHROPIC_BASE_URL=url, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            results = [put(process, prompt) for prompt in prompts]
            process.communicate(timeout=300)
        return results

    def ask(self, prompt: str, folder: Path, url: str, **more: str) -> list[dict[str, Any]]:
        """Put one prompt in a folder to the Messages API at that URL; gives the events that `claude` prints."""
        done = subprocess.run(
            [self.program, "-p", prompt, "--output-format", "stream-json", "--verbose"],
            cwd=folder,
            env=self.environment(ANTHROPIC_BASE_URL=url, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
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
        """The installed plugins by id, but for the client's own; fails where one did not load."""
        listing = self.run("plugin", "list").stdout
        assert "failed to load" not in listing, listing
        plugins = json.loads(self.run("plugin", "list", "--json").stdout)
        return {plugin["id"]: plugin for plugin in plugins if not plugin["id"].endswith("@builtin")}


def put(process: subprocess.Popen[str], prompt: str) -> dict[str, Any]:
    """Send one prompt to a running client, or nothing if it is empty, and wait for the event that ends its turn."""
    assert process.stdin
    assert process.stdout
    message = {"role": "user", "content": prompt}
    if prompt:
        process.stdin.write(json.dumps({"type": "user", "message": message}) + "\n")
        process.stdin.flush()
    events: Iterator[dict[str, Any]] = (json.loads(line) for line in process.stdout)
    return next(event for event in events if event["type"] == "result")


def make_client(home: Path, base: dict[str, str]) -> Client:
    """A client that has never run before."""
    for name in ("bin", "tmp"):
        home.joinpath(name).mkdir(parents=True)
    home.joinpath("bin/python3").symlink_to(Path(sys.executable).resolve())
    home.joinpath("bin/claude").symlink_to(os.environ[PROGRAM])
    return Client(Path(os.environ[PROGRAM]), home, base)


def lint(folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Look at a plugin or a marketplace with agnix."""
    command = [str(Path(sys.executable).with_name("agnix")), "--strict", "--target", "claude-code", "."]
    return subprocess.run(
        command, cwd=folder, env={"HOME": str(home)}, capture_output=True, text=True, timeout=300, check=False
    )
