"""The emulator as boto3 sees it; prints one JSON object of lists: what each round took, or gave a second.

Arguments: the service's process, and the number of rounds.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

SESSIONS, EXECUTIONS, MEGABYTES = 8, 50, 10
INTERPRETER: dict[str, Any] = {"codeInterpreterIdentifier": os.environ["CUSTOM_AGENTCORE_INTERPRETER_ID"]}
BLOB = os.urandom(MEGABYTES * 1_000_000)
client: Any = boto3.client("bedrock-agentcore", config=Config(max_pool_connections=SESSIONS))


def start() -> str:
    return str(client.start_code_interpreter_session(**INTERPRETER)["sessionId"])


def stop(session: str) -> None:
    client.stop_code_interpreter_session(**INTERPRETER, sessionId=session)


def invoke(session: str, name: Any, **arguments: Any) -> object:
    answer = client.invoke_code_interpreter(**INTERPRETER, sessionId=session, name=name, arguments=arguments)
    [event] = answer["stream"]
    if event["result"]["isError"]:
        sys.exit(str(event["result"]))
    return event["result"]


def execute(session: str) -> None:
    invoke(session, "executeCode", language="python", code="1")


def took(call: object, *arguments: object) -> float:
    began = time.perf_counter()
    call(*arguments)  # type: ignore[operator] # a function
    return time.perf_counter() - began


def memory(server: int) -> int:
    """Bytes of the sessions' processes, what they share counted once: all below the server."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    below, found = {server}, set()
    while below := {pid for pid, parent in parents.items() if parent in below}:
        found |= below
    return sum(proportional(pid) for pid in found)


def proportional(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def one_round(server: int) -> dict[str, float]:
    before = memory(server)
    sessions: list[str] = []
    starting = took(lambda: sessions.extend(start() for _ in range(SESSIONS)))
    for session in sessions:
        execute(session)
    held = (memory(server) - before) / SESSIONS
    first = sessions[0]
    executing = sorted(took(execute, first) for _ in range(EXECUTIONS))
    with ThreadPoolExecutor(SESSIONS) as pool:
        many = took(lambda: list(pool.map(execute, sessions * EXECUTIONS)))
    into = took(lambda: invoke(first, "writeFiles", content=[{"path": "blob", "blob": BLOB}]))
    out = took(lambda: invoke(first, "readFiles", paths=["blob"]))
    stopping = took(lambda: list(map(stop, sessions)))
    return {
        "start": starting / SESSIONS * 1000,
        "round trip": executing[EXECUTIONS // 2] * 1000,
        "executions": SESSIONS * EXECUTIONS / many,
        "sessions": SESSIONS / (starting + stopping),
        "memory": held / 1e6,
        "in": MEGABYTES / into,
        "out": MEGABYTES / out,
    }


taken = [one_round(int(sys.argv[1])) for _ in range(int(sys.argv[2]))]
json.dump({name: [values[name] for values in taken] for name in taken[0]}, sys.stdout)
