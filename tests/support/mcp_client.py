"""An MCP client that sends whatever a test wants sent, to a real server process."""

from __future__ import annotations

import itertools
import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from support.processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.processes import CommandLine

HANDSHAKE = ("2025-11-25", "2025-06-18")
STATELESS = "2026-07-28"


def envelope(**capabilities: Any) -> dict[str, Any]:
    """What a request of the stateless revision carries in `_meta`."""
    prefix = "io.modelcontextprotocol/"
    return {f"{prefix}protocolVersion": STATELESS, f"{prefix}clientCapabilities": capabilities}


class McpClient:
    """One connection.

    Attributes:
        notes: Notifications that have come.
        answers: Method -> result of a request that the server may send.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.notes: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self._ids = itertools.count(1)

    def send(self, **message: Any) -> None:
        self.send_line(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def send_line(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next message, whatever it is."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), "the server has closed the connection"
        message: dict[str, Any] = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def response(self, request_id: Any) -> dict[str, Any]:
        """The answer to a request; what comes before it is kept or answered."""
        while (message := self.receive()).get("id") != request_id or "method" in message:
            if "method" in message and "id" in message:
                self.send(id=message["id"], result=self.answers[message["method"]])
            else:
                self.notes.append(message)
        return message

    def start(self, method: str, **params: Any) -> int:
        """Send a request; returns its id."""
        request_id = next(self._ids)
        self.send(id=request_id, method=method, params=params)
        return request_id

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        return self.response(self.start(method, **params))

    def initialize(self, revision: str = HANDSHAKE[0], **capabilities: Any) -> dict[str, Any]:
        info = {"name": "test", "version": "1"}
        answer = self.request("initialize", protocolVersion=revision, capabilities=capabilities, clientInfo=info)
        self.send(method="notifications/initialized")
        result: dict[str, Any] = answer["result"]
        return result

    def start_call(self, tool: str, meta: Mapping[str, Any] | None = None, **arguments: Any) -> int:
        return self.start("tools/call", name=tool, arguments=arguments, **({"_meta": meta} if meta else {}))

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool, which may be an error of its own."""
        result: dict[str, Any] = self.response(self.start_call(tool, **arguments))["result"]
        return result

    def value(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a tool that succeeds."""
        result = self.call(tool, **arguments)
        assert not result.get("isError"), result
        value: dict[str, Any] = result["structuredContent"]
        return value

    def failure(self, tool: str, **arguments: Any) -> str:
        """The text of a tool that fails."""
        result = self.call(tool, **arguments)
        assert result["isError"] is True
        text: str = result["content"][0]["text"]
        return text

    def cancel(self, request_id: Any) -> None:
        self.send(method="notifications/cancelled", params={"requestId": request_id})

    def close(self) -> int:
        """Close the connection as a client does; returns the server's exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(DEADLINE)


@contextmanager
def serving(command_line: CommandLine, *words: str, stderr: int | None = None) -> Iterator[McpClient]:
    """Start a server in the folder `project` of the command line's home; it is ended with the block."""
    folder = command_line.home / "project"
    folder.mkdir(exist_ok=True)
    command = [*command_line.command, "mcp", *words]
    environment = command_line.environment()
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
    ) as process:
        try:
            yield McpClient(process)
        finally:
            process.kill()
