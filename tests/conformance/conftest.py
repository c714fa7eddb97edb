"""What the tests of this folder talk to: a code interpreter API, and the environment that leads a client to it.

The tests know nothing of the embedded service: the same bodies are to run against AWS.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from support import local, processes
from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

LIFETIME = 600  # seconds; nothing is left for long should a test run be killed


@dataclass(frozen=True)
class Target:
    """An endpoint of the API.

    Attributes:
        interpreter: A code interpreter that is there.
        environment: All that a client's process gets.
        folder: For files of clients.
    """

    interpreter: str
    environment: dict[str, str] = field(repr=False)
    folder: Path

    def client(self) -> BedrockAgentCoreClient:
        return boto3.client(
            "bedrock-agentcore",
            endpoint_url=self.environment.get("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"),
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self.environment.get("AWS_SESSION_TOKEN") or None,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def command_line(self, *command: str) -> CommandLine:
        """Return another client's command line."""
        return CommandLine(command, self.folder, self.environment)

    def python(self) -> CommandLine:
        """Return the Python that the tests run with, which has the SDKs."""
        return self.command_line(sys.executable, "-I")


@dataclass(frozen=True)
class Session:
    """A session and the client that started it."""

    client: BedrockAgentCoreClient
    interpreter: str
    session_id: str

    def invoke(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Invoke a tool and return the payload of the one event that must come."""
        untyped: Any = self.client  # the stubs know the tools' names as literals only
        answer = untyped.invoke_code_interpreter(
            codeInterpreterIdentifier=self.interpreter,
            sessionId=self.session_id,
            name=tool,
            arguments=arguments,
        )
        assert answer["sessionId"] == self.session_id
        (event,) = list(answer["stream"])
        return dict(event["result"])


@pytest.fixture(scope="session")
def target(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    home = tmp_path_factory.mktemp("home")
    base = {**base_environment, "AGENTCORE_SANDBOX_RUNTIME_DIR": str(home / "runtime")}
    service = CommandLine(processes.module_command(), home, base)
    with local.serving(service, stop=True) as (_, exported):
        yield Target(exported["CUSTOM_AGENTCORE_INTERPRETER_ID"], {"PATH": base["PATH"], **exported}, home)


@pytest.fixture(scope="session")
def client(target: Target) -> Iterator[BedrockAgentCoreClient]:
    client = target.client()
    yield client
    client.close()


@pytest.fixture
def session(target: Target, client: BedrockAgentCoreClient) -> Iterator[Session]:
    started = client.start_code_interpreter_session(
        codeInterpreterIdentifier=target.interpreter, sessionTimeoutSeconds=LIFETIME
    )
    reference = {"codeInterpreterIdentifier": target.interpreter, "sessionId": started["sessionId"]}
    yield Session(client, target.interpreter, started["sessionId"])
    client.stop_code_interpreter_session(**reference)
