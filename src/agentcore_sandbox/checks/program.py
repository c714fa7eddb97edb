"""Checks of this program's installation: Python, zipapp, launcher, cache, plugin."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import platform
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import agentcore_sandbox
from agentcore_sandbox.checks import Outcome, failure, ok, warning

OLDEST = (3, 10)
OLDEST_CLAUDE = (2, 1, 196)  # the first whose hooks tell which prompt a call belongs to
REINSTALL = "install the plugin again, or download the zipapp again"


@dataclass(frozen=True)
class Installation:
    """The zipapp that runs, None for an installed package, and the folder of the running package."""

    zipapp: Path | None
    package: Path

    @property
    def root(self) -> Path | None:
        """The plugin's folder, or the folder in which a build puts zipapps and checksums."""
        return self.zipapp.parent.parent if self.zipapp else None

    @property
    def launcher(self) -> Path | None:
        """The launcher that came with the zipapp, if any."""
        path = self.root / "bin" / "agentcore-sandbox" if self.root else None
        is_another = path and path.is_file() and path != self.zipapp  # a zipapp may have been given this name
        return path if is_another else None


def find() -> Installation:
    """How this process was started."""
    started = Path(sys.argv[0]).resolve()
    is_zipapp = started.is_file() and zipfile.is_zipfile(started)
    return Installation(started if is_zipapp else None, Path(agentcore_sandbox.__file__).resolve().parent)


def python(_installation: Installation) -> Outcome:
    """The version of Python."""
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < OLDEST:
        return failure(found, "install Python 3.10 or newer, or name one with AGENTCORE_SANDBOX_PYTHON")
    return ok(found)


def program(installation: Installation) -> Outcome:
    """This program's version and location."""
    return ok(f"{agentcore_sandbox.__version__}, {installation.zipapp or installation.package}")


def launcher(installation: Installation) -> Outcome:
    """The launcher beside the zipapp."""
    if installation.root is None:
        return ok("not used: an installed package runs")
    path = installation.launcher
    if path is None:
        return ok("not used: the zipapp was started directly")
    if not os.access(path, os.X_OK):
        return failure(f"{path} is not executable", f"chmod +x it, or {REINSTALL}")
    return ok(str(path))


def checksum(installation: Installation) -> Outcome:
    """The zipapp's checksum, if a SHA256SUMS came with it."""
    zipapp, root = installation.zipapp, installation.root
    if zipapp is None or root is None:
        return ok("no zipapp: an installed package runs")
    sums = root / "SHA256SUMS"
    wanted = _wanted(sums, zipapp.name)
    if wanted is None and installation.launcher is None:
        return ok(f"{zipapp} is not in a release's folder, so there is no SHA256SUMS to compare it with")
    if wanted is None:
        return warning(f"{sums} has no checksum of {zipapp.name}", "compare it with the release's SHA256SUMS")
    if hashlib.sha256(zipapp.read_bytes()).hexdigest() != wanted:
        return failure(f"{zipapp} does not match {sums}", REINSTALL)
    return ok(f"{zipapp.name} matches SHA256SUMS")


def _wanted(sums: Path, name: str) -> str | None:
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    pairs = (line.partition("  ") for line in lines)
    return next((digest for digest, _, path in pairs if path.rpartition("/")[2] == name), None)


def cache(installation: Installation) -> Outcome:
    """The folder that the zipapp is unpacked into: it must be permanent and private."""
    if installation.zipapp is None:
        return ok("not used: an installed package runs")
    folder = installation.package.parents[2]  # ROOT/BUILD/site-packages/agentcore_sandbox
    from agentcore_emulator import folder_privacy, sandbox_runtime

    if wrong := folder_privacy.problem(folder, folder_privacy.WRITING):
        return failure(f"{folder} {wrong}", "remove it; the next start creates it again")
    if folder.name != "agentcore-sandbox" and not sandbox_runtime.is_around(os.environ):
        return warning(f"unpacked into {folder}", "set XDG_CACHE_HOME to a permanent folder that you can write to")
    return ok(str(folder))


def copy(installation: Installation) -> Outcome:
    """Each file of the unpacked copy against the zipapp, whose own start-up code compares them."""
    if installation.zipapp is None:
        return ok("not used: an installed package runs")
    folder = installation.package.parents[1]
    sys.path.append(str(installation.zipapp))
    try:
        names: list[str] = importlib.import_module("_startup.unpack").damaged(str(installation.zipapp), folder)
    except (ImportError, OSError, zipfile.BadZipFile) as error:
        return failure(f"{installation.zipapp} cannot be compared with {folder}: {error}", REINSTALL)
    if names:
        told = f"{len(names)} of the files in {folder} are missing or damaged, such as {names[0]}"
        return failure(told, f"remove {folder}; the next start unpacks it again")
    return ok(f"{folder.name} is whole")


def state(_installation: Installation) -> Outcome:
    """The folder in which names and jobs are kept."""
    from agentcore_sandbox.state.root import VARIABLE, is_writable, root

    folder = root(os.environ)
    if not is_writable(folder):
        return failure(f"{folder} cannot be written", f"set {VARIABLE} to a folder that you can write to")
    return ok(str(folder))


def plugin(installation: Installation) -> Outcome:
    """Whether plugin and zipapp have the same version."""
    manifest = installation.root and installation.root / ".claude-plugin" / "plugin.json"
    if manifest is None or not manifest.is_file():
        return ok("not started from a plugin")
    try:
        version = json.loads(manifest.read_text(encoding="utf-8")).get("version")
    except (OSError, ValueError, AttributeError):
        return failure(f"cannot read {manifest}", REINSTALL)
    if version != agentcore_sandbox.__version__:
        return failure(f"plugin {version} runs the zipapp of {agentcore_sandbox.__version__}", REINSTALL)
    return ok(f"version {version}, like the zipapp")


def claude(_installation: Installation) -> Outcome:
    """Whether the Claude Code that runs this is new enough for the plugin's guard."""
    running = re.fullmatch(r"claude-code_(\d+)-(\d+)-(\d+)_.*", os.environ.get("AI_AGENT", ""))
    if running is None:
        return ok("not started by Claude Code")
    version = ".".join(running.groups())
    if tuple(map(int, running.groups())) < OLDEST_CLAUDE:
        oldest = ".".join(map(str, OLDEST_CLAUDE))
        return failure(f"{version}: the plugin's skills need {oldest} or newer", "run `claude update`")
    return ok(version)


CHECKS = {
    "python": python,
    "program": program,
    "launcher": launcher,
    "zipapp": checksum,
    "cache": cache,
    "copy": copy,
    "state": state,
    "plugin": plugin,
    "claude": claude,
}
