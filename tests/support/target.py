"""A code interpreter API to test, and a session of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from support.processes import CommandLine
from support.recordings import Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient


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
    recorder: Recorder = field(default_factory=Recorder)

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
    recorder: Recorder = field(default_factory=Recorder)

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
        payload = dict(event["result"])
        self.recorder.write(tool, arguments, payload)
        return payload
