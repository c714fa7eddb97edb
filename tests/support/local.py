"""The command line with an embedded service of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.processes import CommandLine, eventually


class Local(CommandLine):
    """The command line with a runtime folder of its own."""

    @property
    def runtime(self) -> Path:
        return Path(self.base["AGENTCORE_SANDBOX_RUNTIME_DIR"])

    def text(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = self.run(*words, env=env)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    def failure(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = self.run(*words, env=env)
        assert (done.returncode, done.stdout) == (125, b"")
        return done.stderr.decode()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text("local", "status", "--json"))
        return found

    def start_session(self, *words: str, env: dict[str, str] | None = None) -> str:
        return self.text("start", "--interpreter-id", "local", *words, env=env).strip()

    def run_code(self, session: str, code: str) -> str:
        return self.text("exec", session, "--interpreter-id", "local", code)


def ended(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    return eventually(lambda: not Path(f"/proc/{pid}").exists())


def exports(text: str) -> dict[str, str]:
    lines = [line.removeprefix("export ").partition("=") for line in text.splitlines()]
    return {name: value.strip("'") for name, _, value in lines}
