"""Reading the agent's answers: they come from inside the sandbox, so nothing in them is believed unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentcore_emulator.agent.files import LISTING_BYTES
from agentcore_emulator.agent_client import SandboxGoneError

Answer = Mapping[str, Any]

MOST_SECONDS = 1 << 32


def integer(answer: Answer, name: str, highest: int) -> int:
    """Return a whole number from 0 to `highest`."""
    value = answer.get(name)
    if type(value) is not int or not 0 <= value <= highest:
        raise SandboxGoneError(f"its agent sent a wrong {name!r}")
    return value


def seconds(answer: Answer) -> float:
    """Return a duration in seconds."""
    value = answer.get("seconds")
    if not isinstance(value, (int, float)) or not 0 <= value <= MOST_SECONDS:  # neither does NaN
        raise SandboxGoneError("its agent sent a wrong duration")
    return float(value)


def text(answer: Answer, name: str) -> str:
    """Return a text, or nothing for anything else."""
    value = answer.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def parts(answer: Answer, data: bytes, at_least: int, at_most: int) -> list[bytes]:
    """Return the parts of the data, whose sizes the answer tells."""
    sizes = answer.get("sizes")
    if not isinstance(sizes, list) or not at_least <= len(sizes) <= at_most:
        raise SandboxGoneError("its agent sent a wrong number of sizes")
    if any(type(size) is not int or size < 0 for size in sizes):
        raise SandboxGoneError("its agent sent wrong sizes")
    found, position = [], 0
    for size in sizes:
        found.append(data[position : position + size])
        position += size
    if position != len(data):
        raise SandboxGoneError("its agent sent wrong sizes")
    return found


def entries(data: bytes, highest: int) -> list[tuple[str, bool]]:
    """Return the entries of a folder, at most `highest`: name, and whether it is a folder itself."""
    if len(data) > LISTING_BYTES or data.count(b"\0") > highest or b"/" in data:
        raise SandboxGoneError("its agent sent a wrong listing")
    return [_entry(entry) for entry in data.split(b"\0")[:-1]]


def _entry(entry: bytes) -> tuple[str, bool]:
    if entry[:1] not in {b"d", b"f"}:
        raise SandboxGoneError("its agent sent a wrong listing")
    return entry[1:].decode(errors="replace"), entry[:1] == b"d"
