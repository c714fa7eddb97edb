"""The Python that runs inside the sandboxes: which one it is, and which folders of the host it needs there."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from agentcore_sandbox.errors import AgentcoreSandboxError

VARIABLE = "AGENTCORE_SANDBOX_LOCAL_PYTHON"
OLDEST = (3, 8)
ASK_SECONDS = 30
QUESTION = """
import ctypes, json, sys
print(json.dumps([sys.version_info[:2], sys.executable, [sys.prefix, sys.base_prefix, sys.base_exec_prefix]]))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python of the host.

    Args:
        executable: Its path, the same inside.
        folders: Folders of the host outside /usr that it needs at the same paths.
        links: Symbolic links on the way from `executable` to the program: path -> target.
    """

    executable: str
    folders: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def find() -> Interpreter:
    """Return the Python that `AGENTCORE_SANDBOX_LOCAL_PYTHON` names, else the one that this program runs on.

    Raises:
        AgentcoreSandboxError: `LocalPython`: it is missing, does not start, is too old, or would expose a home folder.
    """
    named = os.environ.get(VARIABLE, "")
    return _examine(named or str(getattr(sys, "_base_executable", sys.executable)))


@functools.cache
def _examine(name: str) -> Interpreter:
    version, executable, prefixes = _ask(name)
    if tuple(version) < OLDEST:
        raise _unusable(name, f"it is Python {version[0]}.{version[1]}; the sandbox needs 3.8 or newer")
    if prefixes[0] == prefixes[1]:  # no virtual environment: shims and links are not needed
        executable = os.path.realpath(executable)
    links = _links(executable)
    folders = {folder for prefix in prefixes for folder in (prefix, os.path.realpath(prefix))}
    outside = sorted(folder for folder in folders if not _within(folder, "/usr"))
    for folder in outside:
        _refuse_exposure(name, folder)
    needed = tuple(link for link in links if not any(_within(link[0], folder) for folder in (*outside, "/usr")))
    return Interpreter(executable, tuple(outside), needed)


def _ask(name: str) -> tuple[list[int], str, list[str]]:
    program = shutil.which(os.path.expanduser(name))
    if program is None:
        raise _unusable(name, "there is no such program")
    try:
        answer = subprocess.run(
            [program, "-I", "-c", QUESTION], capture_output=True, env={"PATH": os.defpath}, cwd="/", timeout=ASK_SECONDS, check=True
        )
        version, executable, prefixes = json.loads(answer.stdout)
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise _unusable(name, f"it does not start: {last[:200]}") from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _unusable(name, f"it does not start: {error}") from error
    return version, executable, prefixes


def _unusable(name: str, reason: str) -> AgentcoreSandboxError:
    hint = f"Set {VARIABLE} to the path of a Python 3.8 or newer, such as /usr/bin/python3 or a virtual environment's."
    return AgentcoreSandboxError("LocalPython", f"{name!r} cannot be the local sandbox's Python: {reason}", hint)


def _links(path: str) -> list[tuple[str, str]]:
    """Return the chain of symbolic links that begins at a path."""
    chain = []
    while os.path.islink(path):
        target = os.readlink(path)
        chain.append((path, target))
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return chain


def _within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _refuse_exposure(name: str, folder: str) -> None:
    """A prefix is mounted whole: it must not be, or hold, somebody's home or the root."""
    home = os.path.expanduser("~")
    if folder in ("/", "/home", "/root", "/etc", "/var", "/tmp") or _within(home, folder):
        raise _unusable(name, f"its folder {folder} holds more than Python, and all of it would be readable inside")
