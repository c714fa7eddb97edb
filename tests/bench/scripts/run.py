"""What `agentcore-sandbox run` does, as a short boto3 script."""

import sys
from typing import Any

import boto3

INTERPRETER: dict[str, Any] = {"codeInterpreterIdentifier": "aws.codeinterpreter.v1"}

client = boto3.client("bedrock-agentcore")
session = client.start_code_interpreter_session(**INTERPRETER, name="script")["sessionId"]
try:
    answer = client.invoke_code_interpreter(
        **INTERPRETER, sessionId=session, name="executeCode", arguments={"language": "python", "code": sys.argv[1]}
    )
    for event in answer["stream"]:
        if "result" in event:
            sys.stdout.write(event["result"]["structuredContent"]["stdout"])
finally:
    client.stop_code_interpreter_session(**INTERPRETER, sessionId=session)
