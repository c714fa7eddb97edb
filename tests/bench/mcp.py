"""The MCP server: how soon it is ready, what it holds, what a call costs beyond the invoke itself, and a whole task."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench import compiled
from bench.figures import Figure
from bench.peers import AWS_LIKE, loopback
from bench.processes import BrokenMeasurementError, measure
from bench.task import CODE, SNIPPETS
from support.mcp_client import McpClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.stage import Stage

CALLS = 50


def figures(stage: Stage, runs: int) -> Iterator[Figure]:
    """Against a peer without latency, so that what is measured is this program's."""
    ready, before, after, calls, invokes = [], [], [], [], []
    with loopback() as peer:
        invoke = stage.script("invoke.py", str(CALLS), env=peer.environment)
        for _ in range(runs):
            began = time.perf_counter()
            with _serving(stage, peer.environment) as client:
                ready.append((time.perf_counter() - began) * 1000)
                before.append(_megabytes(client))
                calls.append(_milliseconds(client))
                after.append(_megabytes(client))
            invokes.append(json.loads(measure(invoke).output))
    yield Figure("MCP server: ready for the first request", "ms", ready, limit=400)
    yield Figure("MCP server: memory when ready", "MB", before, limit=40)
    yield Figure(f"MCP server: memory after {CALLS} calls", "MB", after)
    beyond = [call - other for call, other in zip(calls, invokes, strict=True)]
    yield Figure("MCP server: a call, beyond the invoke of a warm boto3 client", "ms", beyond, limit=5)
    if program := compiled.build(stage):
        yield _ten_snippets(stage, program, max(1, runs // 5))


def _ten_snippets(stage: Stage, program: Path, runs: int) -> Figure:
    """From the first call to the session's end; mostly waiting, so a few rounds are enough."""
    ours, theirs = [], []
    with loopback(**AWS_LIKE) as peer:
        env = stage.environment(**peer.environment)
        for _ in range(runs):
            with _serving(stage, peer.environment) as client:
                began = time.perf_counter()
                for _ in range(SNIPPETS):
                    client.value("run_code", code=CODE)
                client.close()
                ours.append(time.perf_counter() - began)
            theirs.append(compiled.ten_snippets(program, env))
    name = "ten snippets through the MCP server, against a process of AWS's SDK for Go for each"
    return Figure(name, "s", ours, theirs, 0.95)


@contextmanager
def _serving(stage: Stage, env: dict[str, str]) -> Iterator[McpClient]:
    command = stage.ours("mcp", env=env)
    words, pipe = command.words, subprocess.PIPE
    with subprocess.Popen(words, env=command.environment, stdin=pipe, stdout=pipe) as process:
        client = McpClient(process)
        client.initialize()
        yield client
        if client.close():
            raise BrokenMeasurementError("the MCP server failed")


def _milliseconds(client: McpClient) -> float:
    """What each of some calls takes, once the session is there."""
    client.value("run_code", code="1")
    began = time.perf_counter()
    for _ in range(CALLS):
        client.value("run_code", code="1")
    return (time.perf_counter() - began) * 1000 / CALLS


def _megabytes(client: McpClient) -> float:
    status = Path(f"/proc/{client.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
