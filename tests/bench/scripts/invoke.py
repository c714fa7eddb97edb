"""What an invoke takes by a client that has made some already: prints the milliseconds of each of some more."""

import sys
import time
from typing import Any

import boto3

SESSION: dict[str, Any] = {
    "codeInterpreterIdentifier": "aws.codeinterpreter.v1",
    "sessionId": "01FAULTSERVERSESSION000000",
}

client = boto3.client("bedrock-agentcore")


def invoke() -> None:
    """Run a line of code and read the answer."""
    arguments: Any = {"language": "python", "code": "1"}
    for _ in client.invoke_code_interpreter(**SESSION, name="executeCode", arguments=arguments)["stream"]:
        pass


calls = int(sys.argv[1])
invoke()
began = time.perf_counter()
for _ in range(calls):
    invoke()
sys.stdout.write(f"{(time.perf_counter() - began) * 1000 / calls}")
