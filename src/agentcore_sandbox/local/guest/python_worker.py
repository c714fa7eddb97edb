"""The worker of the Python context: executes cells in one namespace, as an IPython kernel would."""

from __future__ import annotations

import sys
import traceback
import types
import os
import ast
import signal
import socket
import site
import linecache
from typing import Any

from . import pipes

MESSAGE_LIMIT = 1 << 28


def main(channel: int) -> None:
    """Answer requests from the supervisor until it hangs up."""
    conn = socket.socket(fileno=channel)
    conn.set_inheritable(False)
    interpreter = Interpreter()
    process = os.getpid()
    while True:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            request, _ = pipes.receive(conn, 0)
        except EOFError:
            return
        exit_code = interpreter.run(request["code"])
        if os.getpid() != process:  # the code forked, and this is the child: it has reached its end
            os._exit(exit_code)
        pipes.send(conn, {"exitCode": exit_code, "images": []})


class Interpreter:
    """The namespace of a session and the count of its cells."""

    def __init__(self) -> None:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self._namespace = module.__dict__
        self._count = 0
        sys.argv = [""]
        sys.path.insert(0, "")
        sys.stdout.reconfigure(line_buffering=True)

    def run(self, code: str) -> int:
        """Execute one cell; return 0, or 1 after an exception."""
        self._count += 1
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._execute(code)
            return 0
        except BaseException:
            traceback.print_exc()
            return 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def _execute(self, code: str) -> None:
        name = f"<cell {self._count}>"
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), self._namespace)
        if last:
            value = eval(compile(ast.Expression(last.value), name, "eval"), self._namespace)
            if value is not None:
                print(repr(value))
