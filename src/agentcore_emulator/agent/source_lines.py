"""Source code cut into pieces: what a traceback shows around a line are neighbouring statements, not lines."""

from __future__ import annotations

import ast
import functools
import linecache
from typing import TYPE_CHECKING, Iterator, NamedTuple, Sequence

if TYPE_CHECKING:
    from types import CodeType

LONGEST_PARSED = 10_000  # lines; IPython, too, shows plain lines of longer files
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BLOCKS = (ast.stmt, ast.excepthandler, *([ast.match_case] if hasattr(ast, "match_case") else []))


class Scope(NamedTuple):
    """A function, a class or a module: its qualified name and its lines, counted from 1."""

    name: str
    lines: range


class SourceFile:
    """The pieces and scopes of one file.

    A piece is a simple statement, the head of a compound one (`if ...:`), or what stands between statements
    (comments, `else:`), without blank lines around it.

    Args:
        lines: The file's lines.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._module = Scope("<module>", range(1, len(lines) + 1))
        self._scopes: dict[tuple[str, int], Scope] = {}
        tree = _parse(lines)
        if tree is not None:
            self._collect_scopes(tree, "")
        starts = sorted(_boundaries(tree, len(lines))) if tree is not None else range(1, len(lines) + 2)
        self._pieces = [piece for piece in map(self._strip, starts, starts[1:]) if piece]

    def scope(self, code: CodeType, line: int) -> Scope:
        """Return the scope that a code object executes, which for a lambda or comprehension is the one around it."""
        own = self._scopes.get((code.co_name, code.co_firstlineno))
        if own or not code.co_name.startswith("<"):
            return own or self._module
        around = [scope for scope in self._scopes.values() if line in scope.lines]
        return min(around, key=lambda scope: len(scope.lines), default=self._module)

    def pieces_around(self, line: int, scope: Scope, before: int, after: int) -> list[range]:
        """Return the piece that holds a line and at most so many before and after it in the same scope."""
        inside = [piece for piece in self._pieces if piece[0] in scope.lines and piece[-1] in scope.lines]
        position = next((index for index, piece in enumerate(inside) if line in piece), None)
        return [] if position is None else inside[max(0, position - before) : position + after + 1]

    def _strip(self, start: int, stop: int) -> range:
        while start < stop and not self.lines[start - 1].strip():
            start += 1
        while start < stop and not self.lines[stop - 2].strip():
            stop -= 1
        return range(start, stop)

    def _collect_scopes(self, node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, DEFINITIONS):
                lines = _lines_of(child)
                self._scopes[child.name, lines.start] = Scope(prefix + child.name, lines)
                inner = f"{prefix}{child.name}." + ("" if isinstance(child, ast.ClassDef) else "<locals>.")
            if not isinstance(child, ast.expr):
                self._collect_scopes(child, inner)


def of_file(name: str) -> SourceFile:
    """Return the source of a file or cell, empty where it is not known."""
    return _of_lines(tuple(linecache.getlines(name)))


@functools.lru_cache(maxsize=64)
def _of_lines(lines: tuple[str, ...]) -> SourceFile:
    return SourceFile(lines)


def _parse(lines: Sequence[str]) -> ast.Module | None:
    if len(lines) > LONGEST_PARSED:
        return None
    try:
        return ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _lines_of(node: ast.AST) -> range:
    """Return the lines of a statement with its decorators, of an `except` or a `case`."""
    if not isinstance(node, (ast.stmt, ast.excepthandler)):
        return range(node.pattern.lineno, node.body[-1].end_lineno + 1)  # type: ignore[attr-defined] # a match_case
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return range(first, (node.end_lineno or node.lineno) + 1)


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement, `except` and `case` below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, BLOCKS):
            yield child
            yield from _blocks(child)


def _boundaries(tree: ast.Module, length: int) -> set[int]:
    """Return the lines where a new piece begins, and the one after the last."""
    found, inner = {1, length + 1}, set()
    for block in _blocks(tree):
        lines = _lines_of(block)
        found |= {lines.start, lines.stop}
        if not hasattr(block, "body") and not hasattr(block, "cases"):
            inner |= set(lines[1:])
    return found - inner
