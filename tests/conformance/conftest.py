"""What the tests of this folder talk to: a code interpreter API, and the environment that leads a client to it.

The tests know nothing of the emulator. With AGENTCORE_TEST_AWS=1 and credentials the same bodies run against
AWS, in the interpreter that CUSTOM_AGENTCORE_INTERPRETER_ID names, else in aws.codeinterpreter.v1; boto3's variables
for endpoints count. AGENTCORE_TEST_RECORDINGS names a folder for recordings of all invokes, redacted, to be compared.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from support import local, processes, runtimes
from support.processes import CommandLine
from support.recordings import Recorder
from support.target import Session, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_bedrock_agentcore import BedrockAgentCoreClient

LIFETIME = 600  # seconds; nothing is left for long should a test run be killed


@pytest.fixture(scope="session")
def target(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    home = tmp_path_factory.mktemp("home")
    runtime = {"AGENTCORE_SANDBOX_RUNTIME_DIR": str(home / "runtime")}
    base = {**base_environment, **runtime, **runtimes.variables()}
    service = CommandLine(processes.module_command(), home, base)
    if os.environ.get("AGENTCORE_TEST_AWS") == "1":
        yield on_aws(base["PATH"], home)
        return
    with local.serving(service, stop=True) as (_, exported):
        environment = {"PATH": base["PATH"], **exported}
        yield Target(exported["CUSTOM_AGENTCORE_INTERPRETER_ID"], environment, home, recorder(exported))


def on_aws(path: str, home: Path) -> Target:
    """AWS, with the caller's credentials and nothing else of the environment."""
    session = boto3.Session()
    found = session.get_credentials()
    assert found, "AGENTCORE_TEST_AWS=1 needs AWS credentials"
    assert session.region_name, "AGENTCORE_TEST_AWS=1 needs a region: set AWS_DEFAULT_REGION"
    keys = found.get_frozen_credentials()
    environment = {
        "PATH": path,
        "AWS_ACCESS_KEY_ID": str(keys.access_key),
        "AWS_SECRET_ACCESS_KEY": str(keys.secret_key),
        "AWS_SESSION_TOKEN": keys.token or "",
        "AWS_REGION": session.region_name,
        "AWS_DEFAULT_REGION": session.region_name,
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE")},
    }
    interpreter = os.environ.get("CUSTOM_AGENTCORE_INTERPRETER_ID") or "aws.codeinterpreter.v1"
    return Target(interpreter, environment, home, recorder(environment))


def recorder(environment: dict[str, str]) -> Recorder:
    """Begin the folder of recordings anew, where one is asked for."""
    folder = os.environ.get("AGENTCORE_TEST_RECORDINGS")
    if not folder:
        return Recorder()
    shutil.rmtree(folder, ignore_errors=True)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Recorder(Path(folder), tuple(environment[name] for name in names))


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
    yield Session(client, target.interpreter, started["sessionId"], target.recorder)
    client.stop_code_interpreter_session(**reference)
