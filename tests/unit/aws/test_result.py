"""Results from the recorded payloads, each as a user must see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentcore_sandbox.aws.event_stream import Result, combine, read_result

WIRE = Path(__file__).parents[2] / "wire"

RECORDED = {
    "execute_code_python_ok": ("Dataset Statistics:\n==================\nTotal people: 5", "", 0),
    "execute_code_python_prints_then_raises": ("hi", "ZeroDivisionError: division by zero", 1),
    "execute_command_exit_3": ("", "hello\n", 3),
    "execute_command_not_found": ("", "/bin/sh: line 1: pytest: command not found\n", 127),
    "read_files_missing": ("", "Error executing tool read_files: File missing.txt not found", 1),
    "task_get_working": ("", "", 0),
    "task_get_completed": ("finished-at-13\n", "", 0),
    "task_stop_finished": ("", "Task cannot be canceled (current status: TaskStatus.COMPLETED)", 1),
    "write_files_ok": ("Successfully wrote all 3 files", "", 0),
}


@pytest.mark.parametrize(("name", "expected"), RECORDED.items())
def test_recorded_payload(name: str, expected: tuple[str, str, int]) -> None:
    payload = json.loads((WIRE / f"{name}.json").read_text())
    result = read_result(payload, pty="command" in name or "task" in name)
    assert (result.stdout, result.stderr, result.status) == expected


@pytest.mark.parametrize(
    ("exit_code", "is_error", "status"),
    [(None, False, 0), (None, True, 1), (0, True, 1), (3, True, 3), (255, True, 255), (256, True, 1), (-9, True, 137)],
)
def test_status(exit_code: int | None, is_error: bool, status: int) -> None:  # noqa: FBT001 - a table's column
    assert Result(exit_code=exit_code, is_error=is_error).status == status


def test_a_files_own_carriage_returns_survive_the_pty() -> None:
    payload = {"content": [], "structuredContent": {"stdout": "dos\r\r\nunix\r\n"}}
    assert read_result(payload, pty=True).stdout == "dos\r\nunix\n"
    assert read_result(payload).stdout == "dos\r\r\nunix\r\n"


def test_combine() -> None:
    total = combine([Result("a", "x", 0, 1.0), Result("b", "y", 2, 0.5, is_error=True), Result("c")])
    assert total == Result("abc", "xy", 2, 1.5, is_error=True)
    assert combine([]) == Result()
