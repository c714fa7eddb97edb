"""The languages of executeCode: for each the worker that keeps its context inside the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_emulator.isolation import javascript, launcher, python
from agentcore_emulator.isolation.bubblewrap import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

Worker = list[str]
"""The argument list of a program in the sandbox; the number of its socket to the supervisor is appended."""

PYTHON = "python"
SCRIPTS = ("javascript", "typescript")
DEFAULT_RUNTIME = "deno"
# The sandbox is the boundary: within it, deno may do what Node may.
DENO = ["run", "--quiet", "--allow-all", "--no-config", "--no-lock"]
NODE = ["--disable-warning=ExperimentalWarning"]
OPTIONS = {"deno": DENO, "nodejs": NODE}


class UnsupportedError(Exception):
    """Code in this language cannot be run; the text says why, and what to do."""


def workers(programs: Mapping[str, str]) -> dict[str, Worker]:
    """Return the worker of every context that this host has one of the `programs` for: runtimes and their paths."""
    scripts = {
        _label(language, runtime): [path, *OPTIONS[runtime], CONTEXT, runtime, language]
        for runtime, path in programs.items()
        for language in SCRIPTS
    }
    worker = [python.find().executable, "-I", "-X", "utf8", "-c", launcher.agent_code("python_worker")]
    return {PYTHON: worker, **scripts}


def context(language: str, runtime: str | None, known: Mapping[str, Worker]) -> str:
    """Return the label of the context for a language, by default of its usual runtime.

    Each pair of language and runtime keeps variables of its own (assumed).

    Raises:
        UnsupportedError: None of the sandbox's `known` workers can run it.
    """
    chosen = runtime or (PYTHON if language == PYTHON else DEFAULT_RUNTIME)
    if language not in (PYTHON, *SCRIPTS):
        raise UnsupportedError(f"The local sandbox has no runtime for {language}")
    if (language == PYTHON) != (chosen == PYTHON) or chosen not in (PYTHON, *javascript.RUNTIMES):
        raise UnsupportedError(f"The runtime {chosen} cannot execute {language}")
    label = PYTHON if language == PYTHON else _label(language, chosen)
    if label not in known:
        raise UnsupportedError(
            f"The local sandbox has no runtime for {language}: {_reason(chosen)}{_other(language, known)}"
        )
    return label


def _reason(runtime: str) -> str:
    try:
        javascript.RUNTIMES[runtime].find()
    except javascript.MissingRuntimeError as error:
        return f"{error}; then start a new session"
    return f"{runtime} has been installed since this session started; start a new one"


def _other(language: str, known: Mapping[str, Worker]) -> str:
    others = [runtime for runtime in javascript.RUNTIMES if _label(language, runtime) in known]
    return f". Or ask for the runtime that is here: {others[0]}" if others else ""


def _label(language: str, runtime: str) -> str:
    return f"{language} {runtime}"
