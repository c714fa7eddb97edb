"""A program to execute: its arguments, where its text comes from, and the invokes that run it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox import api
from agentcore_sandbox.cli import unread
from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_allow_file
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.packages import requirements
from agentcore_sandbox.policy import lock
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from agentcore_sandbox.aws.session_client import SessionClient
    from agentcore_sandbox.jobs.process import Script
    from agentcore_sandbox.packages.installer import PackageInstaller
    from agentcore_sandbox.packages.requirements import Requirements
    from agentcore_sandbox.transfer.standard_input import StandardInput

LANGUAGES = {
    "python": "python",
    **dict.fromkeys(("javascript", "js"), "javascript"),
    **dict.fromkeys(("typescript", "ts"), "typescript"),
}
RUNTIMES = {"python": ("python",), **dict.fromkeys(("javascript", "typescript"), ("deno", "nodejs"))}
"""What can execute a language; botocore's model of ToolArguments has the names."""
COMMAND = "command"
CANNOT_RUN = 126
SHELL = "/bin/sh"
"""What the service's shell is called; it is bash. In a job, `session_helpers/jobs.py` takes care of that."""
SUFFIXES = {
    ".py": "python",
    **dict.fromkeys((".js", ".mjs", ".cjs"), "javascript"),
    **dict.fromkeys((".ts", ".mts", ".cts"), "typescript"),
    ".sh": COMMAND,
}

_FINDING_PACKAGES = ("python", COMMAND)
# A script's output goes to files, and must be there while it runs.
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
_MOST_BYTES = api.MAX_STRING + 4  # with a byte order mark and one more: of endless input no more is read
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GIVE_CODE = "give it as an argument, with --file PATH, or on standard input"


class Invocation(NamedTuple):
    """One call of one of the service's tools."""

    tool: str
    arguments: Mapping[str, Any]


class Program(NamedTuple):
    """What to execute.

    Attributes:
        text: Source code, or a shell command.
        language: A language of the service, or `command`.
        runtime: nodejs, deno or python; None for the service's choice.
        clear_context: Forget the session's variables first.
        environment: Variables that the user wants set.
        stdin: What it finds on its standard input; None for nothing.
        packages: What is to be installed, beside what its own metadata says: lines as `requirements.read` gives them.
    """

    text: str
    language: str = "python"
    runtime: str | None = None
    clear_context: bool = False
    environment: Mapping[str, str] = {}
    stdin: StandardInput | None = None
    packages: Sequence[str] = ()

    @property
    def requirements(self) -> Requirements:
        """All that must be installed for it.

        Raises:
            UsageError: Its metadata is wrong, or it is in another language.
        """
        if self.packages and self.language not in _FINDING_PACKAGES:
            hint = "leave --with and --requirements out, or run Python or a shell command"
            raise UsageError(f"packages are installed for Python, and this program is {self.language}", hint)
        return requirements.of(self.packages, self.text if self.language == "python" else "")

    def installer(self, interpreter: SessionClient, output: Output, *, is_kept: bool = True) -> PackageInstaller | None:
        """What installs its packages, with all ready that can be before a session is started.

        Args:
            interpreter: Of the session.
            output: Is told what takes time.
            is_kept: The session may have packages from before, and will have these later.

        Returns:
            None where it has no use for any.

        Raises:
            AgentcoreSandboxError: As `PackageInstaller.prepare`.
        """
        if self.language not in _FINDING_PACKAGES or not (is_kept or self.requirements):
            return None
        from agentcore_sandbox.packages.installer import PackageInstaller

        installer = PackageInstaller(self.requirements, interpreter, output, is_kept=is_kept)
        installer.prepare()
        return installer

    def variables(self, region: str) -> dict[str, str]:
        """All variables to set."""
        return {**program_variables(region), **self.environment}

    def invocation(self, region: str, stdin: str = "") -> Invocation:
        """The invoke that runs the program.

        Args:
            region: One of its variables.
            stdin: The file in the session that a command reads as its standard input.

        Raises:
            UsageError: The text is longer than the service takes.
        """
        if self.language != COMMAND:
            _check_size(self.text, api.MAX_STRING, "code")
            return self.code_invocation(self.text)
        command = _with_input(stdin) + _with_variables(self.text, self.variables(region))
        _check_size(command, api.MAX_COMMAND, "a command")
        return Invocation(api.EXECUTE_COMMAND, {"command": command})

    def code_invocation(self, code: str) -> Invocation:
        """The invoke that runs other code where this program runs."""
        runtime = {"runtime": self.runtime} if self.runtime else {}
        return Invocation(api.EXECUTE_CODE, {"code": code, "language": self.language, **runtime})

    def script(self, region: str) -> Script:
        """The program as a file that runs in a process of its own, without the session's variables."""
        from agentcore_sandbox.jobs.process import Script

        name, interpreter = self._script_kind()
        variables = {**_UNBUFFERED, **self.variables(region)}
        if self.language == "python":
            variables.setdefault("PYTHONPATH", api.WORK_FOLDER)  # as in `exec`, modules there can be imported
        return Script(name, self.text, self.language, interpreter, variables, self.stdin)

    def _script_kind(self) -> tuple[str, list[str]]:
        """The name of the program's file and the argument list that runs it."""
        if self.language == COMMAND:
            return "program.sh", _interpreter(self.text) or [SHELL]
        if self.language == "python":
            return "program.py", ["python3"]
        is_typed = self.language == "typescript"
        if self.runtime == "nodejs":
            # CommonJS for JavaScript, ES modules for TypeScript (docs/service.md, "Results").
            return "program.mts" if is_typed else "program.cjs", ["node"]
        return "program.ts" if is_typed else "program.js", ["deno", "run", "--allow-all"]


def program_variables(region: str) -> dict[str, str]:
    """What is set for every program: the region for AWS's SDKs (docs/service.md, "Inside the sandbox")."""
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}


def _with_variables(command: str, environment: Mapping[str, str]) -> str:
    """A command for the service's own shell that sets variables and then runs a command or a script with `#!`.

    `command`, because `export` alone ends a shell that has such a name for itself, as bash has UID. `eval`, because a
    message about wrong syntax quotes the line that the shell reads, and so would quote the values.
    """
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"command export {assignments} 2>/dev/null; {_script_call(command) or f'eval {shlex.quote(command)}'}"


def _with_input(path: str) -> str:
    """What makes a file the standard input of the commands that follow, and removes its name."""
    return f"exec <{path} && rm {path} || exit {CANNOT_RUN}; " if path else ""


def _script_call(script: str) -> str:
    """What runs a script by the interpreter that its first line names; empty where it names none."""
    interpreter = _interpreter(script)
    end = "END"
    while end in script:
        end += "_"
    body = script.removesuffix("\n")
    return f"exec {shlex.join(interpreter)} /dev/fd/3 3<<'{end}'\n{body}\n{end}\n" if interpreter else ""


def _interpreter(script: str) -> list[str]:
    """A program and perhaps one argument behind `#!`, as the kernel reads them."""
    first_line = script.partition("\n")[0]
    return first_line.removeprefix("#!").strip().split(None, 1) if first_line.startswith("#!") else []


def _check_size(text: str, limit: int, what: str) -> None:
    if len(text.encode()) > limit:
        raise _too_large(what, limit)


def _too_large(what: str, limit: int) -> UsageError:
    hint = "put the data into a file of the session, or run it in parts"
    return UsageError(f"{what} may have at most {limit} bytes, and this has more", hint, code="PayloadTooLarge")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to execute."""
    allow(parser.add_argument("code", nargs="?", help="the code; '-' or nothing reads standard input"))
    about = "read the code from a file, whose suffix gives the language"
    allow(parser.add_argument("--file", "-f", metavar="PATH", help=about), lock.program)
    kind = parser.add_mutually_exclusive_group()
    about = "language of the code (default python)"
    language = kind.add_argument("--lang", type=str.lower, choices=tuple(LANGUAGES), dest="language", help=about)
    allow(language)
    allow(kind.add_argument("--cmd", action="store_true", dest="command", help="the code is a shell command"))
    about, runtimes = "what executes the code (default deno, for Python python)", ("nodejs", "deno", "python")
    allow(parser.add_argument("--runtime", type=str.lower, choices=runtimes, help=about))
    about = "set a variable in the sandbox; without a value, the caller's own; repeatable"
    variables = parser.add_argument("--env", action="append", default=[], metavar="NAME[=VALUE]", help=about)
    allow(variables, lock.assignments)
    requirements.add_arguments(parser)
    add_allow_file(parser)


def add_stdin(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says what the program reads as its standard input."""
    about = "what the program finds on its standard input; '-' hands over that of this command"
    allow(parser.add_argument("--stdin", metavar="FILE|-", help=about), lock.input_file)


def read_with_input(*, code: str | None, stdin: str | None, **given: Any) -> Program:
    """As `read`, for what `add_stdin` has declared too; data that nobody has asked for will be mentioned."""
    if stdin is None and (code not in (None, "-") or given["file"] is not None):
        Output.afterwards["standard input"] = partial(unread.sentences, "--stdin -")
    return read(code=code, stdin=stdin, **given)


def read(
    *,
    code: str | None,
    file: str | None,
    language: str | None,
    command: bool,
    runtime: str | None,
    env: Sequence[str],
    packages: Sequence[str] = (),
    requirement_files: Sequence[str] = (),
    clear_context: bool = False,
    stdin: str | None = None,
) -> Program:
    """Check what `add_arguments` has declared.

    Raises:
        UsageError: Something is wrong with it.
    """
    environment = dict(read_assignment(assignment, os.environ) for assignment in env)
    if stdin == "-" and file is None and code in (None, "-"):
        raise UsageError("standard input cannot be both the code and the program's input", "give the code with --file")
    text, chosen = _read_text(code, file, language=language, command=command)
    _check_runtime(chosen, runtime)
    needed = requirements.read(packages, requirement_files)
    program = Program(text, chosen, runtime, clear_context, environment, _read_input(stdin) if stdin else None, needed)
    _ = program.requirements  # whatever is wrong with them is found now
    return program


def _read_input(word: str) -> StandardInput:
    from agentcore_sandbox.transfer import standard_input

    return standard_input.read(word)


def _read_text(argument: str | None, file: str | None, *, language: str | None, command: bool) -> tuple[str, str]:
    """The program's text, and its language, which also follows from a file's suffix."""
    chosen = COMMAND if command else LANGUAGES[language] if language else None
    if file is not None:
        if argument is not None:
            raise UsageError("code is given twice, as an argument and with --file", "leave one of them out")
        text, chosen = _read_file(Path(file)), chosen or _language_of(Path(file))
    else:
        text = _read_standard_input(asked=argument == "-") if argument in (None, "-") else argument or ""
    _check_text(text)
    return text, chosen or "python"


def _check_runtime(language: str, runtime: str | None) -> None:
    if runtime is None or language == COMMAND:  # the original takes it with --cmd too, where it has no effect
        return
    if runtime not in RUNTIMES[language]:
        fitting = " or ".join(f"--runtime {name}" for name in RUNTIMES[language])
        languages = " or ".join(f"--lang {name}" for name, runtimes in RUNTIMES.items() if runtime in runtimes)
        raise UsageError(f"{runtime} does not execute {language}", f"add {fitting}, or {languages}")


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _decode(file.read(_MOST_BYTES), str(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _language_of(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"the suffix of {path} is not that of a known language", "add --lang or --cmd")
    return SUFFIXES[path.suffix.lower()]


def _read_standard_input(*, asked: bool) -> str:
    """Read all of it; a terminal only where the user has asked for that, who would wait for nothing otherwise."""
    if sys.stdin is None or (sys.stdin.isatty() and not asked):
        raise UsageError("no code", _GIVE_CODE)
    try:
        return _decode(sys.stdin.buffer.read(_MOST_BYTES), "standard input")
    except OSError as error:
        raise UsageError(f"cannot read standard input: {error.strerror}") from None


def _decode(data: bytes, where: str) -> str:
    if len(data) == _MOST_BYTES:
        raise _too_large("code", api.MAX_STRING)
    try:
        return data.decode("utf-8-sig")  # without a byte order mark, as every interpreter reads a file
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} is not UTF-8 text: byte {error.start} is wrong", "convert it to UTF-8") from None


def _check_text(text: str) -> None:
    if not text.strip():
        raise UsageError("the code is empty", _GIVE_CODE)
    if "\0" in text:
        raise UsageError("the code has a NUL byte", "write it as an escape, such as \\0 in a string")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the code is not UTF-8 text", "check the terminal's locale") from None


def read_assignment(assignment: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Read `NAME=VALUE`, or `NAME` for the caller's own value."""
    name, equals, value = assignment.partition("=")
    if not _NAME.fullmatch(name):
        # The value may be a secret, so only the name is shown.
        raise UsageError(f"not a variable name: {name!r}", "write --env NAME=VALUE or --env NAME")
    if not equals:
        if name not in environ:
            raise UsageError(f"variable {name} is not set here", f"set it, or write --env {name}=VALUE")
        value = environ[name]
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"the value of {name} is not UTF-8 text") from None
    return name, value
