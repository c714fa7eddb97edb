"""The variables of code: set by an invoke of their own, once for each context of a session.

The service takes no environment. As an execution of its own, a preparation leaves the user's code alone: a traceback
shows the code's own lines with their own numbers, and none of the values. A command carries its variables itself.

What has been prepared is remembered, and what has not is prepared while the program is on its way. But a context may
end meanwhile, another client may change it, and a program may overtake its preparation, so it comes with a mark. A
prepared context passes over the mark, and any other refuses the whole program before it begins. In Python the mark is a
first line that no parser takes, which a transformer of IPython's removes; in JavaScript it is a name that nobody else
defines, in front of the first line.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from agentcore_sandbox import api
from agentcore_sandbox.aws.event_stream import Result
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.execution.program import program_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentcore_sandbox.execution.program import Invocation, Program
    from agentcore_sandbox.state.records import StateFolder

MOST_REFUSALS = 2
"""In a row, of marks; then the service is one whose contexts do not know how to pass over them."""
NAME = "agentcore_"
NO_SOURCE = "\u2e2e"  # no token of Python's begins with it
PYTHON = """\
import builtins, os, stat, sys
os.environ.update(variables)
folders = [folder for folder in variables.get("PYTHONPATH", "").split(":") if folder]
sys.path[1:] = folders + [folder for folder in sys.path[1:] if folder not in folders]
if stdin or isinstance(getattr(sys.stdin, "name", None), int):
    file, null, now = os.open(stdin or os.devnull, os.O_RDONLY), os.stat(os.devnull), os.fstat(0)
    if stat.S_ISREG(now.st_mode) or os.path.samestat(now, null):
        os.dup2(file, 0)
        os.close(file)
        file = 0
    sys.stdin = open(file, encoding="utf-8", closefd=file != 0)
    if stdin:
        os.remove(stdin)
def agentcore_sandbox(lines):
    return lines[1:] if "".join(lines[:1]).strip() in marks else lines
if hasattr(builtins, "get_ipython"):
    transformers = get_ipython().input_transformers_cleanup
    others = [other for other in transformers if getattr(other, "__name__", "") != agentcore_sandbox.__name__]
    transformers[:] = [agentcore_sandbox, *others]
"""
JAVASCRIPT = f"""\
((variables, marks, stdin) => {{
  Object.assign(globalThis.process.env, variables);
  const others = Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith("{NAME}"));
  for (const name of others) delete globalThis[name];
  for (const name of marks) Object.defineProperty(globalThis, name, {{ configurable: true }});
  const real = Symbol.for("agentcore-sandbox.readFileSync");
  if (!stdin && !(real in globalThis)) return;
  const {{ process, Deno }} = globalThis, path = stdin || "/dev/null";
  const fs = process.getBuiltinModule("node:fs"), now = fs.fstatSync(0);
  const isFree = now.isFile() || (now.isCharacterDevice() && now.rdev === fs.statSync("/dev/null").rdev);
  if (isFree && !Deno) fs.closeSync(0);
  const file = fs.openSync(path);
  Object.defineProperty(globalThis, real, {{ value: globalThis[real] ?? fs.readFileSync, configurable: true }});
  fs.readFileSync = (from, ...more) => globalThis[real](from === 0 ? file : from, ...more);
  process.getBuiltinModule("node:module").syncBuiltinESMExports();
  const stream = fs.createReadStream(null, {{ fd: file, autoClose: false }});
  Object.defineProperty(process, "stdin", {{ value: stream, configurable: true }});
  if (Deno) Object.defineProperty(Deno, "stdin", {{ value: Deno.openSync(path), configurable: true }});
  if (stdin) fs.unlinkSync(stdin);
}})"""
_ON_THE_FIRST_LINE = re.compile(r"""\s*(?:#!|export\b)|[\s\S]*?['"]use strict['"]""")
"""JavaScript that means something else behind a statement."""


class PreparedContext(NamedTuple):
    """What is remembered of a context.

    Attributes:
        marks: Those it passes over, separated by spaces.
        refusals: How often in a row it has refused one all the same.
    """

    marks: str = ""
    refusals: int = 0


class Preparation:
    """Sees to it that code finds its variables in the context that it runs in.

    Args:
        program: The code; no command.
        region: One of its variables.
        session_id: The context's session.
        stdin: The file in the session that the program reads as its standard input; empty for none. What comes after
            the program must be prepared for anew, and so has nothing there.
        is_kept: The session stays, so that it is worth remembering what was prepared.
    """

    def __init__(
        self, program: Program, region: str, session_id: str, stdin: str = "", *, is_kept: bool = True
    ) -> None:
        self._program = program
        self._stdin = stdin
        self._is_kept = is_kept
        self._variables = program.variables(region)
        self._mark = _mark(self._variables)
        always = program_variables(region)
        self._marks = {self._mark} | ({_mark(always)} if always.items() <= self._variables.items() else set())
        place = "\0".join((session_id, program.language, program.runtime or ""))
        self._key = hashlib.sha256(place.encode()).hexdigest()[:32]

    def invocation(self) -> Invocation:
        """The invoke that sets the variables. It also clears the context, because they must be set after that.

        That variables of the process stay set is assumed for deno and nodejs.
        """
        marks = [] if self._stdin else sorted(self._marks)
        if self._program.language == "python":  # names of the session are left alone: `exec` may be a variable
            values = {
                "variables": self._variables,
                "marks": [_first_line(mark) for mark in marks],
                "stdin": self._stdin,
            }
            code = f"__import__('builtins').exec({PYTHON!r}, {values!r})"
        else:  # parsed there: in a literal, __proto__ would be no name
            code = f"{JAVASCRIPT}(...JSON.parse({json.dumps(json.dumps([self._variables, marks, self._stdin]))}));"
        call = self._program.code_invocation(code)
        return (
            call._replace(arguments={**call.arguments, "clearContext": True}) if self._program.clear_context else call
        )

    def remember(self) -> None:
        """Remember what the context was prepared for: with an input in it, for no program but this one."""
        self._write(self._known._replace(marks="" if self._stdin else " ".join(sorted(self._marks))))

    @property
    def is_remembered(self) -> bool:
        """Whether the context was prepared earlier."""
        return self._mark in self._known.marks.split()

    def marked_program(self) -> Invocation | None:
        """The invoke that runs the code in a prepared context and in no other; None where there can be none."""
        text = self._program.text
        if self._stdin or self._program.clear_context or self._known.refusals >= MOST_REFUSALS:
            return None
        if self._program.language == "python":
            marked = f"{_first_line(self._mark)}\n{text}"
        else:
            marked = "" if _ON_THE_FIRST_LINE.match(text) else f"{self._mark};{text}"
        fits = marked and len(marked.encode()) <= api.MAX_STRING
        return self._program.code_invocation(marked) if fits else None

    def refusal(self, outcome: Result) -> Result | None:
        """What is left of an answer without the refusal of a mark, such as that variables were lost; None without one.

        Everything else is the program's own answer: a program that may have run is not sent again.
        """
        is_python = self._program.language == "python"
        reason = "SyntaxError: invalid character" if is_python else f"ReferenceError: {self._mark} is not defined"
        before, sign, _ = outcome.stderr.partition(_first_line(self._mark) if is_python else self._mark)
        if not outcome.status or not sign or reason not in outcome.stderr:
            if self._known.refusals:
                self._write(self._known._replace(refusals=0))
            return None
        self._write(PreparedContext(refusals=self._known.refusals + 1))
        lines = before.split("\n")  # the last of them, or that and the one above, say where the mark stands
        kept = lines[:-1] if lines[-1].strip() else lines[:-2]
        return Result(stderr="\n".join(kept))

    def failure(self, outcome: Result) -> AgentcoreSandboxError:
        """The error for a failed preparation, without the values, which a traceback of Python's shows."""
        lines = (outcome.stderr or outcome.stdout).strip().split("\n")
        reason = lines[-1 if self._program.language == "python" else 0]
        message = f"the sandbox is not ready for this language: {reason}"
        return AgentcoreSandboxError("NotPrepared", message, "the program was not started")

    @functools.cached_property
    def _known(self) -> PreparedContext:
        if not self._is_kept:
            return PreparedContext()
        with suppress(AgentcoreSandboxError):
            return _folder().read(self._key, PreparedContext) or PreparedContext()
        return PreparedContext()

    def _write(self, context: PreparedContext) -> None:
        """Remember; where that fails, the next program is prepared for once more."""
        self._known = context
        if not self._is_kept:
            return
        with suppress(AgentcoreSandboxError):
            folder = _folder()
            folder.write(self._key, context)
            folder.remove_older(api.MAX_LIFETIME)


def _folder() -> StateFolder:
    from agentcore_sandbox.state.records import StateFolder
    from agentcore_sandbox.state.root import root

    return StateFolder(root(os.environ) / "contexts")


def _mark(variables: Mapping[str, str]) -> str:
    return NAME + hashlib.sha256(json.dumps(sorted(variables.items())).encode()).hexdigest()[:12]


def _first_line(mark: str) -> str:
    return f"{NO_SOURCE} {mark}"
