"""uv or pip of this machine: which versions there are, and their wheels as one folder. Neither runs anybody's code.

Both take index and credentials from the user's own configuration and environment, never from the current folder.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.packages.requirements import Requirement, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentcore_sandbox.packages.platforms import Platform

_LIST, _REPORT = "requirements.txt", "report.json"
_LONGEST_TEXT = 2000
# pip makes wheels of a source, whatever --only-binary says, where a package names it by URL
# (https://github.com/pypa/pip/issues/12807); that takes programs of their own. `keyring` may have the user's passwords.
_PIP_WITHOUT_PROGRAMS = """\
import os, runpy, sys
def refuse(event, values):
    starts = event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
    if starts and not (values and os.path.basename(os.fsdecode(values[0] or "")) == "keyring"):
        raise PermissionError("pip may not start programs here: only wheels are installed")
sys.addaudithook(refuse)
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__")
"""
_REASONS = (
    (
        "HashMismatch",
        "a wheel is not the one that the lock names",
        "the index, or a proxy before it, has changed it",
        "(?i)hash mismatch|do not match the hashes",
    ),
    (
        "LocalFile",
        "there is no room on this machine",
        "make room in the cache folder and among temporary files",
        r"(?i)no space left|os error 28\b",
    ),
    (
        "IndexFailed",
        "the package index cannot be reached",
        "check the network, and the index that uv or pip is set to",
        "(?i)failed to fetch|error sending request|connection broken|network was disabled|http (status|error)|40[13] ",
    ),
    (
        "NoWheel",
        "there is no wheel for {platform}, or no such package",
        "packages are installed as wheels only: try another version, or give a wheel of your own with --with",
        "(?i)no (usable )?wheels|no matching dist|not found in|no version of|available and|building|start programs",
    ),
)
_UNKNOWN = (
    "ResolverFailed",
    "the packages cannot be resolved",
    "the message is that of uv or pip: change what is asked for, or how that is set up",
    "",
)


class Resolver(Protocol):
    """What both can do; `folder` is a private one that they work in.

    Raises:
        AgentcoreSandboxError: `NoWheel`, `IndexFailed`, `HashMismatch`, `LocalFile`, `ResolverFailed`.
    """

    name: str

    def lock(self, packages: Sequence[Requirement], platform: Platform, folder: Path) -> list[Requirement]:
        """Choose a version of each package, and of those that they need, with the hashes of its files."""

    def install(self, locked: Sequence[Requirement], platform: Platform, folder: Path) -> Path:
        """Fetch what is locked, check it against its hashes, and return a folder of it for `sys.path`."""


class Uv:
    """uv, which knows wheels and sources of all platforms."""

    name = "uv"

    def __init__(self, program: str) -> None:
        self._program = program

    def lock(self, packages: Sequence[Requirement], platform: Platform, folder: Path) -> list[Requirement]:
        """As `Resolver.lock`."""
        options = ("--generate-hashes", "--no-annotate", "--no-header", _written(packages, folder))
        return list(parse(self._run("compile", options, platform, folder), "uv's lock"))

    def install(self, locked: Sequence[Requirement], platform: Platform, folder: Path) -> Path:
        """As `Resolver.install`."""
        options = ("--target", "site", "--no-deps", "--require-hashes", "-r", _written(locked, folder))
        self._run("install", options, platform, folder)
        return folder / "site"

    def _run(self, command: str, options: Sequence[str], platform: Platform, folder: Path) -> str:
        target = ("--python-platform", platform.for_uv, "--python-version", platform.python_minor)
        python = ("--python", sys.executable, "--no-python-downloads")
        words = [self._program, "pip", command, "--quiet", "--color=never", "--only-binary=:all:", *python, *target]
        return _run([*words, *options], platform, folder)


class Pip:
    """pip of a Python of this machine."""

    name = "pip"

    def __init__(self, python: str) -> None:
        self._python = python

    def lock(self, packages: Sequence[Requirement], platform: Platform, folder: Path) -> list[Requirement]:
        """As `Resolver.lock`; pip knows the hash of the one wheel that fits."""
        self._run(("--dry-run", "--report", _REPORT, "-r", _written(packages, folder)), platform, folder)
        report = json.loads((folder / _REPORT).read_bytes())
        return [_locked(item) for item in report["install"]]

    def install(self, locked: Sequence[Requirement], platform: Platform, folder: Path) -> Path:
        """As `Resolver.install`."""
        self._run(("--no-deps", "--require-hashes", "--no-compile", "-r", _written(locked, folder)), platform, folder)
        return folder / "site"

    def _run(self, options: Sequence[str], platform: Platform, folder: Path) -> None:
        tags = [word for tag in platform.for_pip for word in ("--platform", tag)]
        target = ("--python-version", platform.python_minor, "--implementation", "cp", "--target", "site", *tags)
        quiet = ("--quiet", "--no-color", "--no-input", "--disable-pip-version-check")
        words = [self._python, "-c", _PIP_WITHOUT_PROGRAMS, "install", *quiet, "--only-binary=:all:", *target]
        _run([*words, *options], platform, folder)


def find() -> Resolver:
    """Return uv where it is on PATH, else pip.

    Raises:
        AgentcoreSandboxError: `NoResolver`.
    """
    if uv := _program("uv"):
        return Uv(uv)
    for python in dict.fromkeys((sys.executable, _program("python3"))):
        if python and _has_pip(python):
            return Pip(python)
    hint = "install uv (https://docs.astral.sh/uv), or pip 22.2 or newer for the Python that runs this program"
    raise AgentcoreSandboxError("NoResolver", "packages need uv or pip on this machine, and there is neither", hint)


def _program(name: str) -> str | None:
    """A program on PATH, but for what PATH has of the current folder."""
    found = shutil.which(name)
    return found if found and Path(found).is_absolute() else None


def _has_pip(python: str) -> bool:
    command = [python, "-c", "import pip"]
    return subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _written(packages: Sequence[Requirement], folder: Path) -> str:
    (folder / _LIST).write_text("".join(f"{package.line}\n" for package in packages), encoding="utf-8")
    return _LIST


def _locked(item: dict[str, Any]) -> Requirement:
    metadata, download = item["metadata"], item["download_info"]
    version = f" @ {download['url']}" if item["is_direct"] else f"=={metadata['version']}"
    return Requirement(metadata["name"] + version, (f"sha256:{download['archive_info']['hashes']['sha256']}",))


def _run(words: Sequence[str], platform: Platform, folder: Path) -> str:
    process: subprocess.Popen[bytes] | None = None
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        with gate.closed():  # nobody could end a process that is only half known
            process = subprocess.Popen(words, cwd=folder, stdin=null, stdout=pipe, stderr=pipe)
        stdout, stderr = process.communicate()
    except BaseException:
        if process:
            process.kill()
            process.communicate()
        raise
    if process.returncode:
        raise _failure(stderr.decode(errors="replace") or f"exit status {process.returncode}", platform)
    return stdout.decode()


def _failure(said: str, platform: Platform) -> AgentcoreSandboxError:
    """The error for what uv or pip has said, which it ends with. An error's message masks credentials."""
    code, what, hint, _ = next((reason for reason in _REASONS if re.search(reason[3], said)), _UNKNOWN)
    text = said.strip()[-_LONGEST_TEXT:]
    return AgentcoreSandboxError(code, f"{what.format(platform=platform)}: {text}", hint)
