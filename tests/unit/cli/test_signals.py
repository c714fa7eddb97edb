"""What a signal leaves of a process, beyond the sessions that tests/cli/test_signals.py looks at."""

from __future__ import annotations

import signal
import subprocess
import sys

from support.processes import DEADLINE

HALF_MADE = """
import os, signal
from agentcore_sandbox.cli import signals

class Response:
    def __del__(self):
        raise AttributeError("no attribute 'fp'")

def ask():
    response = Response()
    os.kill(os.getpid(), signal.SIGINT)

signals.gate.install()
try:
    ask()
except signals.Interrupted as interrupted:
    raise SystemExit(interrupted.status)
"""


def test_what_is_dropped_half_made_says_nothing() -> None:
    command = [sys.executable, "-c", HALF_MADE]
    done = subprocess.run(command, capture_output=True, check=False, timeout=DEADLINE, env={})
    assert (done.returncode, done.stderr) == (128 + signal.SIGINT, b"")
