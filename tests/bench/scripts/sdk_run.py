"""What `agentcore-sandbox run` does, as a short script with AWS's bedrock-agentcore SDK."""

import os
import sys

from bedrock_agentcore.tools.code_interpreter_client import code_session

with code_session(os.environ["AWS_REGION"]) as interpreter:
    for event in interpreter.execute_code(sys.argv[1])["stream"]:
        if "result" in event:
            sys.stdout.write(event["result"]["structuredContent"]["stdout"])
