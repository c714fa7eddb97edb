"""Real agents other than Claude Code, in scratch homes: environments built from nothing, no account, loopback only."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from support.build_folders import ROOT, write
from support.processes import DEADLINE

PROGRAMS = "AGENTCORE_TEST_AGENTS"
"""The node_modules that `nox -s plugin -- --agents` fills from requirements/agents."""
NAME = "aws-bedrock-agentcore-codeinterpreter"
PACKAGE = ROOT / "dist/portable" / NAME
MARKETPLACE = ROOT / "dist/marketplace"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens


@dataclass
class Agent:
    """An agent that has never run before.

    Attributes:
        command: The program, and its arguments before all others.
        home: Its home folder; `project` in it is where it works.
        base: The variables that every child of the tests gets.
        own: The agent's own variables.
    """

    command: list[str]
    home: Path
    base: dict[str, str]
    own: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.home / "project"

    def environment(self, url: str) -> dict[str, str]:
        """What the agent sees: the model, and in the proxy's place the model again."""
        proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), url)
        local = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        found = {"HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "PATH": f"{self.home / 'bin'}:/usr/bin:/bin"}
        return {**self.base, **found, **proxy, **local, **self.own}

    def start(self, *words: str, url: str = NOWHERE, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run the program to its end.

        Args:
            words: Its arguments.
            url: The model's.
            answer: What is typed.
        """
        return subprocess.run(
            [*self.command, *words],
            cwd=self.project,
            env=self.environment(url),
            input=answer,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def run(self, *words: str, url: str = NOWHERE, answer: str = "") -> str:
        """What the program prints, as `start` does; it must succeed."""
        done = self.start(*words, url=url, answer=answer)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def make_agent(command: list[str | Path], home: Path, base: dict[str, str], **own: str) -> Agent:
    for name in ("bin", "tmp", "project"):
        home.joinpath(name).mkdir(parents=True)
    home.joinpath("bin/python3").symlink_to(Path(sys.executable).resolve())
    write(home / "project/data.csv", "1\n2\n")
    return Agent([str(word) for word in command], home, base, own)


def program(pattern: str) -> Path:
    """A file of the installed agents, by its path below node_modules."""
    return next(Path(os.environ[PROGRAMS]).glob(pattern))


def warm_up(agent: Agent, launcher: Path) -> None:
    """Have the zipapp unpacked: on a busy machine an agent does not wait that long for its server."""
    subprocess.run([launcher, "--version"], env=agent.environment(NOWHERE), check=True, timeout=DEADLINE)
