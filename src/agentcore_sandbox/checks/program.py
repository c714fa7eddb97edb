"""This program on this machine: Python, zipapp, launcher, cache, plugin."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import agentcore_sandbox
from agentcore_sandbox.checks import Outcome, failure, ok, warning

OLDEST = (3, 10)
REINSTALL = "install the plugin again, or download the zipapp again"


@dataclass(frozen=True)
class Installation:
    """How this process was started.

    Attributes:
        zipapp: The file that runs, None for an installed package.
        package: The folder of the package that runs.
    """

    zipapp: Path | None
    package: Path

    @property
    def root(self) -> Path | None:
        """The plugin's folder, or where a build puts the zipapps beside their checksums."""
        return self.zipapp.parent.parent if self.zipapp else None

    @property
    def launcher(self) -> Path | None:
        """The launcher beside the zipapp; None where a zipapp stands alone."""
        path = self.root / "bin" / "agentcore-sandbox" if self.root else None
        return path if path and path.is_file() else None


def find() -> Installation:
    """Look at how this process was started."""
    started = Path(sys.argv[0]).resolve()
    is_zipapp = started.is_file() and zipfile.is_zipfile(started)
    return Installation(started if is_zipapp else None, Path(agentcore_sandbox.__file__).resolve().parent)


def python(_installation: Installation) -> Outcome:
    """The version of Python."""
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < OLDEST:
        return failure(found, "install Python 3.10 or newer, or name one by AGENTCORE_SANDBOX_PYTHON")
    return ok(found)


def program(installation: Installation) -> Outcome:
    """The version of this program, and where it came from."""
    return ok(f"{agentcore_sandbox.__version__}, {installation.zipapp or installation.package}")


def launcher(installation: Installation) -> Outcome:
    """The launcher beside the zipapp."""
    if installation.root is None:
        return ok("not used: an installed package runs")
    path = installation.launcher
    if path is None:
        return ok("not used: the zipapp was started by itself")
    if not os.access(path, os.X_OK):
        return failure(f"{path} must not be run", f"chmod +x it, or {REINSTALL}")
    return ok(str(path))


def checksum(installation: Installation) -> Outcome:
    """The zipapp against the SHA256SUMS that came with it."""
    zipapp, root = installation.zipapp, installation.root
    if zipapp is None or root is None:
        return ok("no zipapp: an installed package runs")
    sums = root / "SHA256SUMS"
    wanted = _wanted(sums, zipapp.name)
    if wanted is None and installation.launcher is None:
        return ok(f"{zipapp} stands alone, without a SHA256SUMS to compare it with")
    if wanted is None:
        return warning(f"no checksum of {zipapp.name} in {sums}", "compare it with the release's SHA256SUMS")
    if hashlib.sha256(zipapp.read_bytes()).hexdigest() != wanted:
        return failure(f"{zipapp} is not what {sums} says", REINSTALL)
    return ok(f"{zipapp.name} is what SHA256SUMS says")


def _wanted(sums: Path, name: str) -> str | None:
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    pairs = (line.partition("  ") for line in lines)
    return next((digest for digest, _, path in pairs if path.rpartition("/")[2] == name), None)


def cache(installation: Installation) -> Outcome:
    """The folder that the zipapp is unpacked into: it must last, and nobody else may write to it."""
    if installation.zipapp is None:
        return ok("not used: an installed package runs")
    folder = installation.package.parents[2]  # ROOT/BUILD/site-packages/agentcore_sandbox
    status = folder.lstat()
    writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if sys.platform != "win32" and (status.st_uid != os.geteuid() or writable):
        return failure(f"others may write to {folder}", "remove it; the next start makes it anew")
    if folder.name != "agentcore-sandbox":
        return warning(f"unpacked into {folder}", "set XDG_CACHE_HOME to a folder that lasts and can be written to")
    return ok(str(folder))


def plugin(installation: Installation) -> Outcome:
    """The plugin's version against the zipapp's."""
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


CHECKS = {
    "python": python,
    "program": program,
    "launcher": launcher,
    "zipapp": checksum,
    "cache": cache,
    "plugin": plugin,
}
