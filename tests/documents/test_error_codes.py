"""docs/troubleshooting.md has each error code that the program can print, with cause and remedy, and no other."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from support.build_folders import ROOT
from support.documents import page

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = ("src/agentcore_sandbox", "src/agentcore_emulator", "src/plugin_build/startup")
SCRIPTS = ("plugin-template/bin/*", "plugin-template/lib/*", "src/plugin_build/*.py")
CODE = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*(?<!Exception)")  # the service's own end in Exception
IN_SCRIPTS = re.compile(rf"error\[({CODE.pattern})\]|\bfail ({CODE.pattern}) ")
INSIDE = {"SandboxGone"}  # the emulator answers it as AWS does


def in_calls(node: ast.Call) -> Iterator[ast.expr]:
    """The first argument of an error, or of what raises one; one that is called `code`."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called.endswith("Error") or called in ("__init__", "_fail"):
        yield from node.args[:1]
    yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")


def in_names(node: ast.AST) -> Iterator[ast.expr | None]:
    """What is assigned to `code`, or its default as a parameter."""
    if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
        yield node.value
    if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "code":
        yield node.value
    if isinstance(node, ast.arguments):
        names = [argument.arg for argument in node.kwonlyargs]
        yield from (default for name, default in zip(names, node.kw_defaults, strict=True) if name == "code")


def in_tables(node: ast.Tuple) -> Iterator[ast.expr]:
    """A code before a sentence, or None in its place."""
    first, *words = node.elts
    if words and isinstance(words[0], ast.Constant) and (words[0].value is None or " " in str(words[0].value)):
        yield first


def candidates(node: ast.AST) -> Iterator[ast.expr | None]:
    if isinstance(node, ast.Call):
        yield from in_calls(node)
    if isinstance(node, ast.Tuple) and node.elts:
        yield from in_tables(node)
    yield from in_names(node)


def printed() -> set[str]:
    found = set()
    for path in (path for folder in SOURCES for path in ROOT.joinpath(folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            values = [getattr(value, "value", None) for value in candidates(node)]
            found |= {value for value in values if isinstance(value, str) and CODE.fullmatch(value)}
    for path in (path for pattern in SCRIPTS for path in ROOT.glob(pattern)):
        found |= {first or second for first, second in IN_SCRIPTS.findall(path.read_text("utf-8"))}
    return found - INSIDE


def rows() -> list[list[str]]:
    lines = [line for line in page("docs/troubleshooting.md").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_each_code_is_explained_and_each_explained_code_exists() -> None:
    documented = [code for row in rows() for code in re.findall(r"`(\w+)`", row[0])]
    assert len(documented) == len(set(documented))
    assert set(documented) == printed()


def test_each_row_has_a_cause_and_a_remedy() -> None:
    assert all(len(row) == len(["codes", "cause", "remedy"]) and all(row) for row in rows())


def test_the_codes_are_found() -> None:
    """One of each way in which the source has them."""
    assert printed() >= {
        "SessionGone",
        "NoInterpreter",
        "SsoSessionExpired",
        "Usage",
        "NoCache",
        "NoZipapp",
        "NoPython",
    }
