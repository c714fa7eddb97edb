"""Install locked wheels of any platform into a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import uv

from plugin_build.errors import BuildError

ROOT = Path(__file__).parents[2]
UV = uv.find_uv_bin()  # once, at import: it asks sysconfig, whose first answer is wrong for a second thread that asks


def install(lock: str, folder: Path, *, target: str, python: str) -> None:
    """Install every wheel of a lock file, each checked against its hash.

    Args:
        lock: The name of a file in `requirements/`, without its suffix.
        folder: Where to; made where it is missing.
        target: The platform, in the words of uv's `--python-platform`.
        python: The Python version that the wheels are for, such as 3.10.

    Raises:
        BuildError: uv could not; with its last words.
    """
    options = ["--target", str(folder), "--python-platform", target, "--python-version", python]
    # Copied, not linked: the files are changed afterwards, and a link would change uv's cache.
    options += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--link-mode", "copy"]
    command = [UV, "pip", "install", "--quiet", *options, "--requirements", f"requirements/{lock}.txt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"uv could not install requirements/{lock}.txt for {target}:\n{done.stderr.strip()}")
