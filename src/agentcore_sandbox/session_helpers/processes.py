"""A program as a process of its own."""

from __future__ import annotations

import os
import subprocess
from typing import Any

MISSING = 127
SHELL = "/bin/sh"
BASH = ("/usr/bin/bash", "/bin/bash")  # what the service calls /bin/sh, whatever that is otherwise


def spawn(
    argv: list[str],
    environment: dict[str, str],
    out: Any,
    err: Any,
    stdin: Any = subprocess.DEVNULL,
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, with its output in open files."""
    shell = next((path for path in BASH if os.path.exists(path)), None)
    return subprocess.Popen(
        argv,
        executable=shell if argv[0] == SHELL else None,
        stdin=stdin,
        stdout=out,
        stderr=err,
        env={**os.environ, **environment},
        start_new_session=True,
        **options,
    )


def exit_status(code: int) -> int:
    """The exit status as a shell has it."""
    return code if code >= 0 else 128 - code
