"""A user's program with AWS's SDK `bedrock-agentcore`, unchanged; writes what it saw as JSON."""

import json
import os
import sys
from typing import Any

from bedrock_agentcore.tools.code_interpreter_client import code_session


def result(response: dict[str, Any]) -> Any:
    return next(event["result"] for event in response["stream"])


def is_listed(interpreter: Any) -> bool:
    return interpreter.session_id in [item["sessionId"] for item in interpreter.list_sessions(status="READY")["items"]]


seen: dict[str, Any] = {}
with code_session(os.environ["AWS_REGION"]) as interpreter:
    seen["identifier"] = interpreter.identifier
    result(interpreter.upload_file("data.csv", "a,b\n1,2\n", description="numbers"))
    result(interpreter.upload_file("raw.bin", b"\x00\xff\x00"))
    seen["code"] = result(interpreter.execute_code("x = open('data.csv').read(); print(len(x))"))
    seen["error"] = result(interpreter.execute_code("1/0"))
    seen["command"] = result(interpreter.execute_command("wc -c < raw.bin"))
    seen["text"] = interpreter.download_file("data.csv")
    seen["blob"] = list(bytes(interpreter.download_file("raw.bin")))  # type: ignore[arg-type] # bytes, as uploaded
    seen["files"] = sorted(interpreter.download_files(["data.csv"]))
    result(interpreter.clear_context())
    seen["cleared"] = result(interpreter.execute_code("print('x' in globals())"))
    seen["status"] = interpreter.get_session()["status"]
    seen["listed"] = is_listed(interpreter)
    session_id = interpreter.session_id
seen["after"] = interpreter.get_session(interpreter_id=seen["identifier"], session_id=session_id)["status"]
json.dump(seen, sys.stdout)
