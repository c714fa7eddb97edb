"""The Python context compared with IPython 8, whose tracebacks the recordings show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator import agent
from agentcore_emulator.agent import display

CELLS = (Path(__file__).parent / "ipython_cells.txt").read_text().split("\n%%\n")
"""Each is executed after those before it."""
NOTES = "e = ValueError('note')\ne.add_note('a note')\nraise e"
NO_SOURCE = "exec('1/0')"
ALL = CELLS + ([NOTES] if sys.version_info >= (3, 11) else [])
ALL += [NO_SOURCE] if sys.version_info < (3, 13) else []  # where IPython 8 has a bug, ipython#13598
IPYTHON = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("colors", "NoColor")
shown = []
shell._showtraceback = lambda kind, value, lines: shown.append(shell.InteractiveTB.stb2text(lines))
for cell in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell(cell, store_history=True)
json.dump(shown, sys.stdout)
"""
OURS = """
import contextlib, io, json, sys
from agent.python_worker import PythonContext
order = json.load(sys.stdin)
context, shown = PythonContext(), []
context._show = lambda error: shown.append(context._formatter.format(error))
for cell in order:
    context.run(cell)
sys.__stdout__.write("\\n" + json.dumps(shown))
"""


def run_cells(script: str, home: Path) -> list[str]:
    path = str(Path(agent.__file__).parent.parent)
    environment = {"HOME": str(home), "PYTHONPATH": path, "PATH": os.defpath}
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(ALL).encode(),
        stdout=subprocess.PIPE,
        env=environment,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return [text.rstrip("\n") for text in found]


@pytest.fixture(scope="module")
def tracebacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    home = tmp_path_factory.mktemp("home")
    theirs, ours = run_cells(IPYTHON, home), run_cells(OURS, home)
    assert len(theirs) == len(ours) == len(ALL)
    return dict(zip(ALL, zip(theirs, ours, strict=True), strict=True))


@pytest.mark.parametrize("cell", ALL)
def test_tracebacks_are_those_of_ipython(tracebacks: dict[str, tuple[str, str]], cell: str) -> None:
    theirs, ours = tracebacks[cell]
    assert ours == theirs


LEAVES = st.one_of(st.integers(), st.text(max_size=30), st.none(), st.floats(), st.booleans(), st.binary(max_size=20))
KEYS = st.one_of(st.integers(), st.text(max_size=20))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=8),
        st.dictionaries(KEYS, inner, max_size=6),
        st.tuples(inner),
        st.tuples(inner, inner),
        st.sets(KEYS, max_size=6),
        st.frozensets(st.integers(), max_size=30),
    ),
    max_leaves=40,
)


def check(value: object) -> None:
    from IPython.lib import pretty  # it loads all of IPython

    assert display.text_of(value) == pretty.pretty(value)  # type: ignore[no-untyped-call] # it has no types


@given(VALUES)
@pytest.mark.aws("assumed", "Code", "The value of a last expression is shown as IPython's plain text, without `Out[n]`")
def test_values_are_shown_as_by_ipython(value: object) -> None:
    check(value)


class Plain:
    pass


class Subclass(list[int]):
    pass


RECURSIVE_LIST: list[object] = [1]
RECURSIVE_LIST.append(RECURSIVE_LIST)
RECURSIVE_DICT: dict[str, object] = {"a": 1}
RECURSIVE_DICT["d"] = RECURSIVE_DICT


@pytest.mark.parametrize(
    "value",
    [
        list(range(1500)),
        {number: number for number in range(1100)},
        ["x" * 78],
        ["x" * 72, 1],
        {"k": list(range(40)), "other": {"deep": {"deeper": list(range(50))}}},
        RECURSIVE_LIST,
        RECURSIVE_DICT,
        Plain(),
        Plain,
        int,
        run_cells,
        ValueError("x"),
        range(3),
        {1, "a"},
        (),
        Subclass([1]),
    ],
)
def test_special_values_are_shown_as_by_ipython(value: object) -> None:
    check(value)
