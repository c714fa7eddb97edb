"""The emulator as boto3 sees it; prints one JSON object of lists: what each round took, or gave a second.

Names in `bare` are those of boto3 and a server that answers at once. Arguments: the service's process, the URL of that
server, and the number of rounds.
"""

import functools
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
PAUSE = 0.3  # after which spares have started

CONFIG = Config(max_pool_connections=SESSIONS)
client: Any = boto3.client("bedrock-agentcore", config=CONFIG)
bare: Any = boto3.client("bedrock-agentcore", config=CONFIG, endpoint_url=sys.argv[2])


def start() -> str:
    return str(client.start_code_interpreter_session(**INTERPRETER)["sessionId"])


def stop(session: str) -> None:
    client.stop_code_interpreter_session(**INTERPRETER, sessionId=session)


def invoke(client: Any, session: str, name: Any, **arguments: Any) -> object:
    answer = client.invoke_code_interpreter(**INTERPRETER, sessionId=session, name=name, arguments=arguments)
    [event] = answer["stream"]
    if event["result"]["isError"]:
        sys.exit(str(event["result"]))
    return event["result"]


def execute(client: Any, session: str) -> None:
    invoke(client, session, "executeCode", language="python", code="1")


def write(client: Any, session: str) -> None:
    invoke(client, session, "writeFiles", content=[{"path": "blob", "blob": BLOB}])


def round_trip(client: Any, session: str) -> float:
    """The median, in milliseconds."""
    return 1000 * sorted(took(execute, client, session) for _ in range(EXECUTIONS))[EXECUTIONS // 2]


def executions(client: Any, sessions: list[str]) -> float:
    """How many a second, over all sessions at once."""
    one = functools.partial(execute, client)
    with ThreadPoolExecutor(SESSIONS) as pool:
        return SESSIONS * EXECUTIONS / took(lambda: list(pool.map(one, sessions * EXECUTIONS)))


def start_after_pause(sessions: list[str]) -> float:
    time.sleep(PAUSE)
    return took(lambda: sessions.append(start()))


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
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has ended
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def one_round(server: int) -> dict[str, float]:
    before = memory(server)
    sessions: list[str] = []
    starting = took(lambda: sessions.extend(start() for _ in range(SESSIONS)))
    for session in sessions:
        execute(client, session)
    held = (memory(server) - before) / SESSIONS
    first = sessions[0]
    later: list[str] = []
    values = {
        "start": starting / SESSIONS * 1000,
        "next": 1000 * start_after_pause(later),
        "round trip": round_trip(client, first),
        "bare round trip": round_trip(bare, first),
        "executions": executions(client, sessions),
        "bare executions": executions(bare, sessions),
        "memory": held / 1e6,
        "in": MEGABYTES / took(write, client, first),
        "bare in": MEGABYTES / took(write, bare, first),
        "out": MEGABYTES / took(lambda: invoke(client, first, "readFiles", paths=["blob"])),
    }
    stopping = took(lambda: list(map(stop, sessions)))
    stop(later[0])
    return {**values, "sessions": SESSIONS / (starting + stopping)}


taken = [one_round(int(sys.argv[1])) for _ in range(int(sys.argv[3]))]
json.dump({name: [values[name] for values in taken] for name in taken[0]}, sys.stdout)
