"""What `run` and `exec` share: the arguments of an execution, and the execution in a session that is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import program, result
from agentcore_sandbox.commands import options
from agentcore_sandbox.errors import AgentcoreSandboxError, TimeLimitError
from agentcore_sandbox.output import Output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.client import CodeInterpreter
    from agentcore_sandbox.program import Invocation, Program
    from agentcore_sandbox.result import Result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to execute and how to print it."""
    parser.add_argument("code", nargs="?", help="the code; '-' or nothing reads standard input")
    parser.add_argument("--file", metavar="PATH", help="read the code from a file; its suffix tells the language")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--lang", choices=program.LANGUAGES, dest="language", help="language of the code (default python)"
    )
    kind.add_argument("--cmd", action="store_true", dest="command", help="the code is a shell command")
    parser.add_argument("--runtime", choices=("nodejs", "deno", "python"), help="what executes the code")
    parser.add_argument("--clear-context", action="store_true", help="forget the session's variables first")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="set a variable in the sandbox; without a value, the caller's own; repeatable",
    )
    parser.add_argument(
        "--exec-timeout",
        metavar="SECONDS",
        type=options.positive_seconds,
        help="limit on this execution, exit status 124; the session's lifetime is --timeout",
    )
    parser.add_argument(
        "--max-output",
        metavar="BYTES",
        type=options.byte_count,
        help="keep only the head and the tail of each output stream, this many bytes together",
    )
    parser.add_argument("--raw", action="store_true", help="pass control sequences to a terminal unchanged")


@dataclass(frozen=True)
class Execution:
    """A checked request to execute a program.

    Attributes:
        program: What to execute.
        environment: Variables the user wants set.
        limit: Seconds it may take, None for the service's limit.
        output: Where its results go.
    """

    program: Program
    environment: Mapping[str, str]
    limit: float | None
    output: Output

    def run(self, interpreter: CodeInterpreter, session_id: str, *, keeps_session: bool) -> int:
        """Execute in a session and print the results.

        Args:
            interpreter: The session's interpreter.
            session_id: The session.
            keeps_session: The session, and a program that ran into its limit, will live on.

        Returns:
            The program's exit status.
        """
        seen: list[Result] = []
        try:
            self._prepare(interpreter, session_id)
            call = self.invocation(interpreter.region)
            results = interpreter.invoke(session_id, call.tool, call.arguments, seconds=self.limit)
            self.output.program(results, seen)
        except AgentcoreSandboxError as error:
            if keeps_session and isinstance(error, TimeLimitError):
                error.hint = f"the program may still be running; to end it: agentcore-sandbox stop {session_id}"
            if not self.output.as_json:
                raise
            self.output.failure(error, **{**self._outcome(session_id, seen), "exitCode": error.status, "isError": True})
            return error.status
        total = result.combine(seen)
        if self.output.as_json:
            self.output.data(self._outcome(session_id, seen))
        return total.status

    def invocation(self, region: str) -> Invocation:
        """The invoke that runs the program, with the region set for AWS's SDKs (facts, "Inside the sandbox")."""
        return self.program.invocation(self._environment(region))

    def _environment(self, region: str) -> dict[str, str]:
        return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, **self.environment}

    def _prepare(self, interpreter: CodeInterpreter, session_id: str) -> None:
        call = self.program.preparation(self._environment(interpreter.region))
        if call is None:
            return
        outcome = result.combine(
            interpreter.invoke(session_id, call.tool, call.arguments, seconds=self.limit),
        )
        if outcome.status:
            message = f"the sandbox is not ready for this language: {outcome.stderr or outcome.stdout}"
            raise AgentcoreSandboxError("NotPrepared", message, "the program was not started")

    def _outcome(self, session_id: str, seen: Sequence[Result]) -> dict[str, Any]:
        total = result.combine(seen)
        return {
            "stdout": self.output.cut(total.stdout),
            "stderr": self.output.cut(total.stderr),
            "exitCode": total.status if total.exit_code is None else total.exit_code,
            "executionTime": total.execution_time,
            "isError": total.is_error,
            "sessionId": session_id,
        }


def read(
    *,
    code: str | None,
    file: str | None,
    language: str | None,
    command: bool,
    runtime: str | None,
    clear_context: bool,
    env: Sequence[str],
    exec_timeout: float | None,
    max_output: int | None,
    raw: bool,
    as_json: bool,
) -> Execution:
    """Check everything that can be checked before anything is started.

    Raises:
        UsageError: Something is wrong with it.
    """
    environment = program.read_environment(env, os.environ)
    text, chosen = program.read(code, file, language=language, command=command)
    return Execution(
        program=program.Program(text, chosen, runtime, clear_context),
        environment=environment,
        limit=exec_timeout,
        output=Output(as_json=as_json, raw=raw, limit=max_output),
    )
