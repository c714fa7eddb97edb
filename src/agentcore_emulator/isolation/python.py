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

from agentcore_emulator.errors import EmulatorError

VARIABLE = "AGENTCORE_SANDBOX_LOCAL_PYTHON"
OLDEST = (3, 8)
ANSWER_SECONDS = 30
QUESTION = """
import ctypes, json, sys
print(json.dumps([sys.version_info[:2], sys.executable, [sys.prefix, sys.base_prefix, sys.base_exec_prefix]]))
"""
SHARED = ("/", "/bin", "/etc", "/home", "/lib", "/opt", "/root", "/run", "/srv", "/tmp", "/var")  # noqa: S108
"""Folders that a badly built Python may name as its prefix and that hold more than Python."""


@dataclass(frozen=True)
class PythonInstallation:
    """A Python of the host, its folders outside /usr, and the links (path, target) from `executable` to the program.

    All paths are the same inside.
    """

    executable: str
    folders: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def find() -> PythonInstallation:
    """Return the Python that `AGENTCORE_SANDBOX_LOCAL_PYTHON` names, else the one that this program runs on.

    Raises:
        EmulatorError: `LocalPython`: it is missing, does not start, is too old, or would expose other files.
    """
    base = str(getattr(sys, "_base_executable", sys.executable))  # before 3.11 it may be a virtual environment's link
    return _examine(os.environ.get(VARIABLE) or os.path.realpath(base))


@functools.cache
def _examine(name: str) -> PythonInstallation:
    version, executable, prefixes = _ask(name)
    if tuple(version) < OLDEST:
        raise _unusable(name, f"it is Python {version[0]}.{version[1]}")
    if prefixes[0] == prefixes[1]:  # a virtual environment is found by the path of its link, any other by its program
        executable = os.path.realpath(executable)
    folders = {folder for prefix in prefixes for folder in (prefix, os.path.realpath(prefix))}
    outside = tuple(sorted(folder for folder in folders if not _is_within(folder, ["/usr"])))
    for folder in outside:
        _refuse_exposure(name, folder)
    links = tuple(link for link in _links(executable) if not _is_within(link[0], [*outside, "/usr"]))
    return PythonInstallation(executable, outside, links)


def _ask(name: str) -> tuple[list[int], str, list[str]]:
    """Return the version, the executable and the prefixes that a Python reports."""
    program = shutil.which(os.path.expanduser(name))  # noqa: PTH111 - pathlib raises where there is no such user
    if program is None:
        raise _unusable(name, "there is no such program")
    command = [program, "-I", "-c", QUESTION]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.defpath},
            cwd="/",
            timeout=ANSWER_SECONDS,
            check=True,
        )
        version, executable, prefixes = json.loads(answer.stdout)
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise _unusable(name, f"it does not start: {last[:200]}") from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _unusable(name, f"it does not start: {error}") from error
    return version, executable, prefixes


def _unusable(name: str, reason: str) -> EmulatorError:
    hint = f"set {VARIABLE} to the path of a Python 3.8 or newer, such as /usr/bin/python3 or a virtual environment's"
    return EmulatorError("LocalPython", f"{name!r} cannot be the local sandbox's Python: {reason}", hint)


def _links(path: str) -> list[tuple[str, str]]:
    """Return the chain of symbolic links that begins at a path."""
    chain, step = [], Path(path)
    while step.is_symlink():
        target = step.readlink()
        chain.append((str(step), str(target)))
        step = Path(os.path.normpath(step.parent / target))
    return chain


def _is_within(path: str, folders: list[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _refuse_exposure(name: str, folder: str) -> None:
    """A prefix is mounted whole: it must not be, or hold, a home or a system folder."""
    home = os.path.expanduser("~")  # noqa: PTH111 - as above
    if folder in SHARED or _is_within(home, [folder]):
        raise _unusable(name, f"its folder {folder} holds more than Python, and all of that would be readable inside")
