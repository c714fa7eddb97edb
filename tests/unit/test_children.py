"""No child of this program inherits a data stream: whatever it reads would be missing from what a command was given."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import agentcore_sandbox

SOURCES = Path(agentcore_sandbox.__file__).parents[1]
STARTS = {"run", "Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "system", "popen"}


def started(path: Path) -> list[ast.Call]:
    """Calls that start a process, other than those by a class of ours that sets its standard input."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)]
    return [call for call in named if (call.func.value.id, call.func.attr) in {  # type: ignore[attr-defined]
        (module, name) for module in ("subprocess", "os") for name in STARTS
    }]  # fmt: skip


PATHS = [path for path in sorted(SOURCES.rglob("*.py")) if started(path)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(SOURCES)))
def test_standard_input_of_each_child_is_chosen(path: Path) -> None:
    without = [call.lineno for call in started(path) if not {"stdin", "input"} & {word.arg for word in call.keywords}]
    assert without == []


def test_there_are_children() -> None:
    assert len(PATHS) > 5
