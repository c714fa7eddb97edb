"""Files out of a session into one, by the plain calls; as parts, because no message may have more than 24 MiB."""

import os
import sys
from pathlib import Path

import boto3

session, target, *parts = sys.argv[1:]
client = boto3.client("bedrock-agentcore")
with Path(target).open("wb") as file:
    for part in parts:
        answer = client.invoke_code_interpreter(
            codeInterpreterIdentifier=os.environ["CUSTOM_AGENTCORE_INTERPRETER_ID"],
            sessionId=session,
            name="readFiles",
            arguments={"paths": [part]},
        )
        file.writelines(event["result"]["content"][0]["resource"]["blob"] for event in answer["stream"])
