"""No child of this program inherits a data stream: whatever it reads would be missing from what a command was given."""

from __future__ import annotations

import ast
from pathlib import Path

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


def test_standard_input_of_each_child_is_chosen() -> None:
    calls = [(path, call) for path in sorted(SOURCES.rglob("*.py")) for call in started(path)]
    assert len(calls) > 5
    chosen = [(path, call.lineno, {"stdin", "input"} & {word.arg for word in call.keywords}) for path, call in calls]
    assert [f"{path}:{line}" for path, line, words in chosen if not words] == []
