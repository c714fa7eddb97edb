"""The languages of executeCode: for each the worker that keeps its context inside the sandbox."""

from __future__ import annotations

from agentcore_sandbox.local.isolation import archive, python

Worker = list[str]
"""The argument list of a program in the sandbox; the number of its socket to the supervisor is appended."""


def workers() -> dict[str, Worker]:
    """Return the worker of every language that this host has an interpreter for."""
    return {"python": _python()}


def _python() -> Worker:
    return [python.find().executable, "-I", "-X", "utf8", "-c", archive.boot("python_worker")]
