"""Make a zipapp from a staged folder: shiv builds it, then it is made equal on every machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from plugin_build.errors import BuildError
from plugin_build.startup import start

STARTUP = Path(__file__).with_name("startup")
ENTRY_POINT = "agentcore_sandbox.__main__:main"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the start of time in a zip
_EXECUTABLE = 0o111
# Any Python 3, and 2, must be able to read this.
_MAIN = """\
import sys

if sys.version_info < (3, 10):
    sys.stderr.write(
        "error[PythonTooOld]: agentcore-sandbox needs Python 3.10 or newer and was started with %d.%d (%s); "
        "install one from https://www.python.org/downloads/ or set AGENTCORE_SANDBOX_PYTHON to its path\\n"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )
    sys.exit(125)

from _startup import start

start.main("{build}")
"""


def build(site_packages: Path, target: Path, version: str) -> None:
    """Make a zipapp.

    Args:
        site_packages: What it holds, with the modes it is to have.
        target: The file to write.
        version: The product's version; with the hash of the contents it names the unpacked program.

    Raises:
        BuildError: shiv failed; with its last words.
    """
    raw = target.with_suffix(".shiv")
    _run_shiv(site_packages, raw)
    with zipfile.ZipFile(raw) as source:
        files = {info.filename: (source.read(info), info.external_attr >> 16) for info in source.infolist()}
    raw.unlink()
    build_id = json.loads(files["environment.json"][0])["build_id"]
    copy = f"{version}-{build_id[:16]}"
    files["__main__.py"] = (_MAIN.format(build=copy).encode(), 0)
    files |= {f"_startup/{path.name}": (path.read_bytes(), 0) for path in STARTUP.glob("*.py")}
    _write(target, files, start.LINE + copy.encode())


def _run_shiv(site_packages: Path, target: Path) -> None:
    options = ["--site-packages", str(site_packages), "--entry-point", ENTRY_POINT, "--reproducible"]
    command = [sys.executable, "-m", "shiv", *options, "--output-file", str(target)]
    # shiv takes its time stamps from this variable before its own --reproducible.
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"shiv could not build {target.name}:\n{done.stderr.strip() or done.stdout.strip()}")


def _write(target: Path, files: dict[str, tuple[bytes, int]], line: bytes) -> None:
    """Write the zip anew: shiv's own files carry the modes of its installation, and level 9 is smaller."""
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n" + line + b"\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(files):
                content, mode = files[name]
                info = zipfile.ZipInfo(name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = 3  # Unix, wherever it is built: the modes count
                info.external_attr = (0o100755 if mode & _EXECUTABLE else 0o100644) << 16
                archive.writestr(info, content)
    target.chmod(0o755)
