"""Takes a request from the first argument and prints the answer. Runs inside the session, as all of this package."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Mapping

Operations = Mapping[str, Callable[[Any], Any]]

OWN = ".agentcore-sandbox"
LONGEST_ANSWER = 16_384
"""Bytes that are printed. A longer answer goes into files: the terminal of executeCommand may cut or mangle it."""
LONGEST_PIECE = 2 << 20
LONGEST_TEXT = 1000
"""Characters: each of a path and a message may be six times as long in JSON."""


def reply(operations: Operations) -> None:
    """Do what the first argument asks and print one line of ASCII JSON.

    Args:
        operations: Name -> function from the request, with the service's umask added, to what is answered.
    """
    request = {**_request(sys.argv[1]), "umask": os.umask(0o022)}
    line = (_once if request.get("once") else _do)(operations, request)
    if len(line) > LONGEST_ANSWER:
        line = json.dumps({"pieces": _write_pieces(request["answer"], json.loads(line)["answer"])})
    print(line)


def _do(operations: Operations, request: Any) -> str:
    try:
        outcome = {"answer": operations[request["operation"]](request)}
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename is not None else ""
        shown = "" if OWN in where.split("/") else where[:LONGEST_TEXT]  # the user knows nothing of our own files
        outcome = {"error": {"text": (error.strerror or str(error))[:LONGEST_TEXT], "path": shown}}
    except RecursionError:
        outcome = {"error": {"text": "its folders are nested too deeply", "path": ""}}
    return json.dumps(outcome)


def _once(operations: Operations, request: Any) -> str:
    """Do it, or as a repetition wait for the first and answer what it did. What that needs is swept up later."""
    import fcntl  # here: the command line imports these modules too, also on Windows, which has none

    os.makedirs(OWN, exist_ok=True)
    with open(request["answer"] + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(request["answer"]):
            _write(request["answer"], _do(operations, request))
    with open(request["answer"], encoding="ascii") as file:
        return file.read()


def _write_pieces(path: str, items: list[Any]) -> int:
    """Write a list as several, each into a file of its own; tell how many."""
    os.makedirs(OWN, exist_ok=True)
    count, size = 0, 0
    piece: list[str] = []
    for item in map(json.dumps, items):
        if piece and size + len(item) > LONGEST_PIECE:
            _write(f"{path}-{count}", f"[{','.join(piece)}]")
            count, size, piece = count + 1, 0, []
        piece.append(item)
        size += len(item) + 1
    _write(f"{path}-{count}", f"[{','.join(piece)}]")
    return count + 1


def _write(path: str, text: str) -> None:
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + ".new", path)


def _request(argument: str) -> Any:
    if not argument.startswith("@"):
        return json.loads(argument)
    with open(argument[1:], encoding="ascii") as file:
        return json.load(file)
