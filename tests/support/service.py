"""The emulator inside the test's process, on a real socket, with sandboxes that a test can steer."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from agentcore_emulator.agent_client import SandboxGoneError
from agentcore_emulator.attached import NOTHING, Attached, Roots
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.service.control_plane import ControlPlane
from agentcore_emulator.service.data_plane import DataPlane
from agentcore_emulator.service.dispatch import Dispatcher
from agentcore_emulator.service.faults import Faults, parse
from agentcore_emulator.service.interpreters import CodeInterpreters
from agentcore_emulator.service.server import Server
from agentcore_emulator.service.sessions import Sessions
from agentcore_emulator.service.sigv4 import Keys
from agentcore_emulator.service.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient
    from types_boto3_bedrock_agentcore_control import BedrockAgentCoreControlClient

KEYS = Keys("LOCALEXAMPLE", "dummy-secret")
LONG = 60.0  # seconds; no test waits so long unless it fails


@dataclass
class SteeredSandbox:
    """Stands in for a sandbox; the isolation has tests of its own."""

    folder: Path
    failure: EmulatorError | None = None
    network: bool = False
    attached: Attached = NOTHING
    running: bool = False

    @property
    def alive(self) -> bool:
        return self.running

    @property
    def is_current(self) -> bool:
        return self.running

    def start(self) -> None:
        if self.failure:
            raise self.failure
        self.running = True

    def close(self) -> None:
        self.running = False


@dataclass
class Tools:
    """What a tool does is told by its `command`; `started` and `cancelled` say what happened to `wait`."""

    started: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def invoke(
        self, sandbox: SteeredSandbox, name: str, arguments: Mapping[str, Any], cancelled: threading.Event
    ) -> dict[str, Any]:
        command = arguments.get("command", "")
        if command == "wait":
            self._wait(sandbox, cancelled)
        if command == "bug":
            raise ZeroDivisionError
        if command == "fail":
            raise EmulatorError("Broken", "the tool broke")
        text = "x" * int(command.removeprefix("size ")) if command.startswith("size ") else f"{name} {dict(arguments)}"
        return {"content": [{"type": "text", "text": text}], "isError": False}

    def _wait(self, sandbox: SteeredSandbox, cancelled: threading.Event) -> None:
        self.started.set()
        while sandbox.alive and not cancelled.wait(0.01):
            pass
        if not sandbox.alive:
            raise SandboxGoneError("it was closed")
        self.cancelled.set()


@dataclass
class Running:
    """A running service and its parts."""

    server: Server
    sessions: Sessions
    tools: Tools
    sandboxes: list[SteeredSandbox]
    dispatcher: Dispatcher
    requests: list[Mapping[str, Any]]
    clients: ExitStack

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, **config: Any) -> BedrockAgentCoreClient:
        """boto3's client, which sends each request once."""
        client: BedrockAgentCoreClient = self._client("bedrock-agentcore", **config)
        return client

    def control(self) -> BedrockAgentCoreControlClient:
        """The same for the control plane."""
        client: BedrockAgentCoreControlClient = self._client("bedrock-agentcore-control")
        return client

    def _client(self, name: Any, **config: Any) -> Any:
        client = boto3.client(
            name,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS.access_key_id,
            aws_secret_access_key=KEYS.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )
        self.clients.callback(client.close)
        return client


@contextmanager
def serve(
    folder: Path,
    *,
    max_invoke: float = LONG,
    limit: int = 100,
    faults: Sequence[str] = (),
    roots: Roots | None = None,
) -> Iterator[Running]:
    """Run the service; `folder` gets the sessions' folders."""
    timers, tools, requests = Timers(), Tools(), list[Any]()
    sandboxes: list[SteeredSandbox] = []

    def make(path: Path, network: bool, attached: Attached) -> SteeredSandbox:  # noqa: FBT001 - as sessions call it
        sandboxes.append(SteeredSandbox(path, network=network, attached=attached))
        return sandboxes[-1]

    sessions = Sessions(folder, make, timers, limit)
    known = CodeInterpreters(timers)
    data, control = (
        DataPlane(known, sessions, tools.invoke, timers, max_invoke, roots=roots),
        ControlPlane(known, sessions),
    )
    handlers = {**data.handlers(), **control.handlers()}
    dispatcher = Dispatcher(handlers, requests.append, Faults(map(parse, faults), sessions.end))
    server = Server(0, KEYS, dispatcher.handle, requests.append, timers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        with ExitStack() as clients:
            yield Running(server, sessions, tools, sandboxes, dispatcher, requests, clients)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        sessions.close()
        timers.close()
