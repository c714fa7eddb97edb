"""Takes a request from the first argument and prints the answer."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from typing import Any, Callable, Mapping

Operations = Mapping[str, Callable[[Any], Any]]

LONGEST_ANSWER = 16_384
"""Bytes that are printed. A longer answer goes into a file: the terminal of executeCommand may cut or mangle it."""


def reply(operations: Operations) -> None:
    """Do what the first argument asks and print one line of ASCII JSON.

    Args:
        operations: Name -> function from the request to what is answered.
    """
    os.umask(0o022)
    request = _request(sys.argv[1])
    line = (_once if request.get("once") else _do)(operations, request)
    if len(line) > LONGEST_ANSWER:
        _write_answer(request["answer"], line)
        line = json.dumps({"file": request["answer"]})
    print(line)


def _do(operations: Operations, request: Any) -> str:
    try:
        outcome = {"answer": operations[request["operation"]](request)}
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename is not None else ""
        outcome = {"error": {"text": error.strerror or str(error), "path": where}}
    return json.dumps(outcome)


def _once(operations: Operations, request: Any) -> str:
    """Do it, or as a repetition wait for the first and answer what it did. What that needs is swept up later."""
    os.makedirs(os.path.dirname(request["answer"]), exist_ok=True)
    with open(request["answer"] + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(request["answer"]):
            _write_answer(request["answer"], _do(operations, request))
    with open(request["answer"], encoding="ascii") as file:
        return file.read()


def _write_answer(path: str, line: str) -> None:
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(line)
    os.replace(path + ".new", path)


def _request(argument: str) -> Any:
    if not argument.startswith("@"):
        return json.loads(argument)
    with open(argument[1:], encoding="ascii") as file:
        return json.load(file)
