"""Takes a request from the first argument and prints the answer."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Mapping

LONGEST_ANSWER = 16_384
"""Bytes that are printed. A longer answer goes into a file: the terminal of executeCommand may cut or mangle it."""


def reply(operations: Mapping[str, Callable[[Any], Any]]) -> None:
    """Do what the first argument asks and print one line of ASCII JSON.

    Args:
        operations: Name -> function from the request to what is answered.
    """
    os.umask(0o022)
    request = _request(sys.argv[1])
    try:
        outcome = {"answer": operations[request["operation"]](request)}
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename is not None else ""
        outcome = {"error": {"text": error.strerror or str(error), "path": where}}
    line = json.dumps(outcome)
    if len(line) > LONGEST_ANSWER:
        with open(request["answer"], "w", encoding="ascii") as file:
            file.write(line)
        line = json.dumps({"file": request["answer"]})
    print(line)


def _request(argument: str) -> Any:
    if not argument.startswith("@"):
        return json.loads(argument)
    with open(argument[1:], encoding="ascii") as file:
        return json.load(file)
