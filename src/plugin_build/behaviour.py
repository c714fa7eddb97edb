"""Make docs/behaviour.md from the marks of the tests: what AWS does, how that is known, and which test shows it.

A test says so with `@pytest.mark.aws("recorded", "Sessions", "What AWS does")`, once for each behaviour.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_build.source_tree import BuildError, Project, add_root

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "docs/behaviour.md"
SOURCES = ("recorded", "documented", "assumed")
TOPICS = ("Requests", "Interpreters", "Sessions", "Invokes", "Code", "Commands and tasks", "Files", "Limits")
HEAD = """\
# What AWS does, and how we know

Each behaviour of AgentCore Code Interpreter that the emulator has, and the test that shows it. **Recorded**: seen of
the real service, in [recordings](../tests/wire/README.md) or published reports. **Documented**: AWS's documentation or
service model. **Assumed**: nothing public says it; AWS may do otherwise. [The AWS service](service.md) has what else is
known. `AGENTCORE_TEST_AWS=1 .venv/bin/nox -s conformance` asks AWS: its tests are those in `tests/conformance`.

Made by `.venv/bin/nox -s behaviour` from the marks `aws` of the tests.
"""


@dataclass(frozen=True)
class Behaviour:
    """What one mark says.

    Attributes:
        source: How it is known, out of SOURCES.
        topic: Out of TOPICS.
        text: What AWS does.
        test: The path below the repository, and the names of class and function.
    """

    source: str
    topic: str
    text: str
    test: str

    @property
    def row(self) -> str:
        """Its row of the table."""
        path, _, name = self.test.partition("::")
        text = self.text.replace("|", r"\|")
        return f"| {text} | {self.source} | [`{name}`](../{path}) |"


def behaviours(root: Path) -> list[Behaviour]:
    """What the tests of a source tree are marked with, by file and line.

    Raises:
        BuildError: A mark does not name a source, a topic and a behaviour, as literals.
    """
    found = []
    for path in sorted(root.joinpath("tests").rglob("test_*.py")):
        for test, mark in _marks(ast.parse(path.read_text("utf-8"))):
            values = [value.value if isinstance(value, ast.Constant) else None for value in mark.args]
            place = f"{path.relative_to(root).as_posix()}::{test}"
            match values:
                case [str(source), str(topic), str(text)] if source in SOURCES and topic in TOPICS:
                    found.append(Behaviour(source, topic, text, place))
                case _:
                    raise BuildError(f"{place}: aws takes one of {SOURCES}, one of {TOPICS}, and a sentence")
    return found


def _marks(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _marks(node, f"{node.name}::")
        elif isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.aws":
                    yield above + node.name, decorator


def page(root: Path) -> str:
    """The whole page: a table for each topic, what is best known first."""
    found = behaviours(root)
    parts = [HEAD]
    for topic in TOPICS:
        rows = [one.row for source in SOURCES for one in found if (one.topic, one.source) == (topic, source)]
        parts.append("\n".join([f"## {topic}\n", "| behaviour | how it is known | test |", "|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `behaviour`."""
    add_root(parser)


def run(options: argparse.Namespace) -> str:
    """Write the page."""
    project: Project = options.project
    project.root.joinpath(PAGE).write_text(page(project.root), "utf-8")
    return f"{PAGE} has {len(behaviours(project.root))} behaviours"
