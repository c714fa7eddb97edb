"""What the tests of this folder talk to: a code interpreter API, and the environment that leads a client to it.

The tests know nothing of the embedded service: the same bodies are to run against AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import local, processes
from support.processes import CommandLine
from support.target import Session, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

LIFETIME = 600  # seconds; nothing is left for long should a test run be killed


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
