"""The arguments that say what to execute and how, of `run`, `exec` and `job start`: declared and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.cli import options
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.execution import program, transfers
from agentcore_sandbox.execution.attempt import Execution

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.execution.program import Program


def add_program(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to execute."""
    parser.add_argument("code", nargs="?", help="the code; '-' or nothing reads standard input")
    parser.add_argument("--file", metavar="PATH", help="read the code from a file; its suffix tells the language")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--lang", choices=tuple(program.LANGUAGES), dest="language", help="language of the code (default python)"
    )
    kind.add_argument("--cmd", action="store_true", dest="command", help="the code is a shell command")
    parser.add_argument("--runtime", choices=("nodejs", "deno", "python"), help="what executes the code")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="set a variable in the sandbox; without a value, the caller's own; repeatable",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to execute and how to print it."""
    add_program(parser)
    parser.add_argument("--clear-context", action="store_true", help="forget the session's variables first")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="show output while the program runs, in a process of its own without the session's variables",
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
    parser.add_argument(
        "--artifacts", metavar="DIR", type=Path, help="save images and files that a result carries into a folder"
    )
    transfers.add_arguments(parser)
    parser.add_argument("--raw", action="store_true", help="pass control sequences to a terminal unchanged")


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
    artifacts: Path | None,
    uploads: Sequence[str],
    downloads: Sequence[str],
    force: bool,
    hidden: bool,
    raw: bool,
    follow: bool,
    as_json: bool,
) -> Execution:
    """Check everything that can be checked before anything is started.

    Raises:
        UsageError: Something is wrong with it.
    """
    chosen, environment = read_program(
        code=code, file=file, language=language, command=command, runtime=runtime, env=env, clear_context=clear_context
    )
    copies = transfers.read(uploads, downloads, force=force, hidden=hidden, quiet=as_json)
    copies.check()
    if follow:
        _check_follow(chosen, artifacts)
    return Execution(
        program=chosen,
        environment=environment,
        limit=exec_timeout,
        output=Output(as_json=as_json, raw=raw, limit=max_output),
        transfers=copies,
        artifacts=artifacts,
        follow=follow,
    )


def _check_follow(chosen: Program, artifacts: Path | None) -> None:
    """Refuse what a program in a process of its own cannot do."""
    if artifacts is not None:
        raise UsageError(
            "--follow and --artifacts do not go together: only the result of an execution carries images",
            "write a file and fetch it with --download",
        )
    if chosen.clear_context:
        raise UsageError("--follow and --clear-context do not go together", "with --follow there are no variables yet")


def read_program(
    *,
    code: str | None,
    file: str | None,
    language: str | None,
    command: bool,
    runtime: str | None,
    env: Sequence[str],
    clear_context: bool = False,
) -> tuple[Program, dict[str, str]]:
    """Check what `add_program` has declared; the program and the variables for it.

    Raises:
        UsageError: Something is wrong with it.
    """
    environment = program.read_environment(env, os.environ)
    text, chosen = program.read(code, file, language=language, command=command)
    return program.Program(text, chosen, runtime, clear_context), environment
