"""A file into a session, by the plain call."""

import os
import sys
from pathlib import Path

import boto3

session, source, target = sys.argv[1:]
answer = boto3.client("bedrock-agentcore").invoke_code_interpreter(
    codeInterpreterIdentifier=os.environ["CUSTOM_AGENTCORE_INTERPRETER_ID"],
    sessionId=session,
    name="writeFiles",
    arguments={"content": [{"path": target, "blob": Path(source).read_bytes()}]},
)
for event in answer["stream"]:
    if event["result"]["isError"]:
        sys.exit(str(event["result"]))
