"""What the measured processes talk to: a loopback server with set latencies, or the emulator."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.stage import Stage

AWS_LIKE: dict[str, float] = {"start": 1.4, "invoke": 0.10, "stop": 0.17}
"""Seconds, as seen on AWS (docs/service.md, "Sessions")."""


class Peer:
    """A loopback server in a process of its own, so that its memory and its work are not in ours."""

    def __init__(self, url: str, trusted: str | None) -> None:
        self.url = url
        self._trusted = {"AWS_CA_BUNDLE": trusted} if trusted else {}

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead AWS clients to it."""
        urls = dict.fromkeys(("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "BEDROCK_AGENTCORE_DP_ENDPOINT"), self.url)
        return {**urls, **self._trusted}

    def counts(self) -> dict[str, int]:
        """Requests and connections since the last time it was asked."""
        with urllib.request.urlopen(f"{self.url}/counts") as answer:  # noqa: S310 - a server of our own
            counts: dict[str, int] = json.load(answer)
        return counts


def loopback(*, trusted: Any = None, **behaviour: Any) -> AbstractContextManager[Peer]:
    """Serve until the block ends.

    Args:
        trusted: The certificates that its clients trust; None for those that they come with.
        behaviour: What `bench.loopback` takes.
    """
    return _serving("bench.loopback", behaviour, trusted)


def paced(**behaviour: Any) -> AbstractContextManager[Peer]:
    """The same with the service's limits, for maps; `behaviour` is what `bench.paced` takes."""
    return _serving("bench.paced", behaviour)


@contextmanager
def _serving(module: str, behaviour: dict[str, Any], trusted: str | None = None) -> Iterator[Peer]:
    command = [sys.executable, "-m", module, json.dumps(behaviour)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Peer(process.stdout.readline().strip(), trusted)
        finally:
            process.stdin.close()


class Service:
    """An emulator of the benchmark's own."""

    def __init__(self, process: subprocess.Popen[str], environment: dict[str, str], log: Path) -> None:
        self.environment = environment
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def requests(self) -> int:
        """How many requests it has answered so far."""
        return len(self._log.read_text().splitlines())


@contextmanager
def embedded(stage: Stage) -> Iterator[Service]:
    """Serve until the block ends."""
    log = stage.folder / "requests.log"
    log.unlink(missing_ok=True)
    env = {"AGENTCORE_SANDBOX_RUNTIME_DIR": str(stage.folder / "runtime"), "CUSTOM_AGENTCORE_INTERPRETER_ID": "local"}
    command = stage.ours("local", "serve", "--log", str(log), env=env)
    with subprocess.Popen(command.words, env=command.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Service(process, {**env, **_exported(process.stdout)}, log)
        finally:
            os.kill(process.pid, signal.SIGTERM)


def _exported(lines: Any) -> dict[str, str]:
    """The variables of the `export` lines; the last one is the interpreter's id."""
    variables = {}
    for line in lines:
        words = shlex.split(line)
        if words[:1] == ["export"]:
            name, _, value = words[1].partition("=")
            variables[name] = value
        if "CUSTOM_AGENTCORE_INTERPRETER_ID" in variables:
            return variables
    raise EOFError("the emulator did not start")
