"""The worker of the Python context: executes cells in one namespace, as the service's IPython kernel does."""

from __future__ import annotations

import ast
import builtins
import contextlib
import linecache
import os
import signal
import site
import socket
import sys
import types
from typing import TYPE_CHECKING, Any

from . import display, protocol
from .tracebacks import Formatter

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec

CO_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect takes long to import
BACKEND = f"{__package__}.figures"  # loaded by matplotlib
FAILED = 1  # the exit code of a cell that ended in an exception (recorded)


def main(channel: int) -> None:
    """Answer the requests of the supervisor, at the other end of the socket `channel`, until it hangs up."""
    conn = socket.socket(fileno=channel)
    conn.set_inheritable(False)
    context = PythonContext()
    process = os.getpid()
    while True:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            request, _ = protocol.receive(conn, 0)
        except EOFError:
            return
        exit_code = context.run(request["code"])
        if os.getpid() != process:  # the code forked, and this is the child at its end
            os._exit(exit_code)
        images = context.images()
        protocol.send(conn, {"exitCode": exit_code, "images": [len(image) for image in images]}, b"".join(images))


class InteractiveShell:
    """What `get_ipython()` returns in a cell: of IPython's shell, what changes a cell's lines before all else."""

    def __init__(self) -> None:
        self.input_transformers_cleanup: list[Callable[[list[str]], list[str]]] = [leading_indent]

    def transform_cell(self, code: str) -> str:
        """Return the code that is executed for a cell."""
        lines = code.splitlines(keepends=True)
        for transform in self.input_transformers_cleanup:
            lines = transform(lines)
        return "".join(lines)


class PythonContext:
    """The namespace of a session and the count of its cells."""

    def __init__(self) -> None:
        self._cells: dict[str, int] = {}
        self._formatter = Formatter(self._cells)
        self._namespace = _main_module().__dict__
        self._loop: Any = None
        self._shell = InteractiveShell()
        builtins.get_ipython = lambda: self._shell  # type: ignore[attr-defined] # as IPython does
        sys.argv = [""]
        sys.path.insert(0, "")
        site.addsitedir(site.getusersitepackages())
        sys.meta_path.insert(0, BackendFinder())
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # keeps its place among children's output

    def run(self, code: str) -> int:
        """Execute one cell, show its value or its traceback, and return 0, or 1 after an exception."""
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if code.strip():  # an empty cell is not counted
                self._execute(self._shell.transform_cell(code))
        except BaseException as error:  # noqa: BLE001 - whatever the code raises is its result
            self._show(error)
            return FAILED
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _flush()
        return 0

    def images(self) -> list[bytes]:
        """Return the figures that the last cell made, as PNG files."""
        figures = sys.modules.get(BACKEND)
        try:
            return figures.take_images() if figures else []
        except BaseException as error:  # noqa: BLE001 - a figure that cannot be drawn is the code's affair
            self._show(error)
            return []

    def _execute(self, code: str) -> None:
        number = len(self._cells) + 1
        name = f"/tmp/ipykernel_{os.getpid()}/{number}.py"  # noqa: S108 - no file: what IPython calls a cell
        self._cells[name] = number
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        self._evaluate(compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
        if isinstance(last, ast.Expr):
            expression = compile(ast.Expression(last.value), name, "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            self._display(self._evaluate(expression), silent=code.rstrip().endswith(";"))

    def _evaluate(self, code: types.CodeType) -> Any:
        value = eval(code, self._namespace)  # noqa: S307 - running the user's code is what this process is for
        return self._await(value) if code.co_flags & CO_COROUTINE else value

    def _await(self, coroutine: Any) -> Any:
        """Run a cell with `await` outside functions in the context's own event loop."""
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)

    def _display(self, value: object, *, silent: bool) -> None:
        if value is None or silent:
            return
        self._namespace["_"] = value
        sys.stdout.write(display.text_of(value) + "\n")

    def _show(self, error: BaseException) -> None:
        """Write the traceback to the error stream itself: the code may have replaced `sys.stderr`."""
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
        _flush()
        text = self._formatter.format(error) + "\n"
        with open(2, "wb", closefd=False) as stream:
            stream.write(text.encode("utf-8", "replace"))


class BackendFinder:
    """Chooses the backend when matplotlib is first imported.

    The variable MPLBACKEND would do the same, and break every Python that the cell's code starts.
    """

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Find matplotlib as the other finders do, with a loader that adds one step."""
        if fullname != "matplotlib":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec = importlib.util.find_spec(fullname)
        if spec and spec.loader:
            spec.loader = _BackendLoader(spec.loader)  # type: ignore[assignment] # a loader by its methods
        return spec


class _BackendLoader:
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        module: types.ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        if hasattr(module, "use"):  # else the work directory has a module of this name
            module.use(f"module://{BACKEND}")


def _main_module() -> types.ModuleType:
    """Return a fresh `__main__`, so that classes defined in cells can be pickled."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, exit=sys.exit, quit=sys.exit)
    sys.modules["__main__"] = module
    return module


def leading_indent(lines: list[str]) -> list[str]:
    """Remove an indentation of the first line from all lines that have it, as IPython does."""
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    return [line[len(indent) :] if line.startswith(indent) else line for line in lines]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # whatever the code has put in its place
            stream.flush()
