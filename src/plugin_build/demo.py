"""Show the main job in the embedded service: each command as a user would type it, its output, its exit status."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Path(__file__).parent.parent
FAILING = "totals = [3, 4]\nprint(sum(totals))\nprint(totals[2])"


class Demo:
    """Runs commands with an environment built from nothing.

    Args:
        folder: An empty folder that serves as HOME.
        command: How the command line is started.
    """

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._command = command
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "PYTHONPATH": str(SOURCE),
            "AGENTCORE_SANDBOX_RUNTIME_DIR": str(folder / "runtime"),
            "CUSTOM_AGENTCORE_INTERPRETER_ID": "local",
        }

    def show(self, *words: str, status: int = 0) -> str:
        """Run one command and print it like a terminal session.

        Raises:
            SystemExit: Its exit status is not the expected one.
        """
        print(f"\n$ agentcore-sandbox {shlex.join(words)}", flush=True)  # noqa: T201 - printing is the purpose
        done = subprocess.run(
            [*self._command, *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(f"{done.stdout}[exit status {done.returncode}]", flush=True)  # noqa: T201 - printing is the purpose
        if done.returncode != status:
            sys.exit(f"the demo expected exit status {status}")
        return done.stdout.strip()


def main() -> None:
    """Run the demo."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder), [sys.executable, "-m", "agentcore_sandbox"])
        try:
            _steps(demo)
        finally:
            demo.show("local", "stop")


def _steps(demo: Demo) -> None:
    demo.show("run", 'import sys; print("Python", sys.version.split()[0], "says", 6 * 7)')
    demo.show("run", "--cmd", "id; uname -n; ls -A /home; echo region $AWS_REGION")
    demo.show("run", FAILING, status=1)
    session = demo.show("start", "--timeout", "300")
    demo.show("exec", session, 'events = ["denied", "allowed", "denied"]')
    demo.show("exec", session, "--json", 'print(events.count("denied"))')
    demo.show("sessions")
    demo.show("stop", session)


if __name__ == "__main__":
    main()
