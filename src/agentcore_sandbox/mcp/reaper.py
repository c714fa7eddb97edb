"""A small process that stops the connection's session when the server was killed and could not do it itself."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentcore_sandbox.settings import Flags

# Without `site` and this program's modules until there is something to stop: 8 MB. Lines are +ID and -ID.
_SCRIPT = """\
import sys
running = {}
for line in sys.stdin:
    if line[:1] == "+":
        running[line[1:-1]] = True
    else:
        running.pop(line[1:-1], None)
if running:
    import json
    sys.path[:], flags = json.loads(sys.argv[1])
    from agentcore_sandbox.cli import dispatch
    dispatch.main(["stop", *flags, *running])
"""


class Reaper:
    """The process. The end of its standard input, which the system closes with the server, tells it to act.

    Args:
        flags: Where the sessions are.
    """

    def __init__(self, flags: Flags) -> None:
        given = [f"--{name.replace('_', '-')}={value}" for name, value in flags._asdict().items() if value]
        paths = [path for path in sys.path if Path(path).is_absolute()]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, json.dumps([paths, given])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what ends the server's process group must not end this
            bufsize=0,
        )

    def watch(self, session_id: str) -> None:
        """Stop this session when the server ends without having released it."""
        self._tell(f"+{session_id}\n")

    def release(self, session_id: str) -> None:
        """This session has ended."""
        self._tell(f"-{session_id}\n")

    def close(self) -> None:
        """Let the process end, once it has stopped what is left."""
        if self._process.stdin:
            self._process.stdin.close()

    def _tell(self, line: str) -> None:
        with contextlib.suppress(OSError):  # somebody has killed it: sessions end with their lifetime
            if self._process.stdin:
                self._process.stdin.write(line.encode())
