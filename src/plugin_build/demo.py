"""Show the main job in the emulator: each command as a user types it, its output, and what to type next."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = "agentcore-sandbox"
# What is shown is the same on every machine and at every time: docs/demo.svg is a recording of it.
STEPS: tuple[tuple[int, tuple[str, ...]], ...] = (  # exit status, words
    (0, ("run", "print(6 * 7)")),
    (0, ("run", "--cmd", 'echo "user $(id -un), host $(uname -n), home folders: $(ls /home)"')),
    (1, ("run", "totals = [3, 4]; print(sum(totals)); print(totals[2])")),
    (0, ("exec", "work", 'events = ["denied", "allowed", "denied"]')),
    (0, ("exec", "work", 'print(events.count("denied"), "denied", file=open("report.txt", "w"))')),
    (0, ("cp", "work:report.txt", "-")),
    (0, ("stop", "work")),
    (0, ("local", "stop")),
)


def main() -> None:
    """Run the demo with an environment built from nothing.

    Raises:
        SystemExit: A command ended with another exit status than the expected one.
    """
    export = f'export PATH="{_folder_of_the_program()}:$PATH" CUSTOM_AGENTCORE_INTERPRETER_ID=local'
    _say(f"$ {export}")
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "HOME": home,
            "AGENTCORE_SANDBOX_RUNTIME_DIR": str(Path(home, "runtime")),
            "CUSTOM_AGENTCORE_INTERPRETER_ID": "local",
        }
        try:
            for status, words in STEPS:
                _show(words, environment, status)
        except KeyboardInterrupt:
            sys.exit("\nthe demo was interrupted")
        finally:
            subprocess.run(
                [PROGRAM, "local", "stop"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
    _say(f"\nNow you. In this shell, type:\n\n  {export}\n  {PROGRAM} run 'print(\"hello\")'")


def _folder_of_the_program() -> str:
    folder = Path(sys.executable).parent
    return f"$PWD/{folder.relative_to(Path.cwd())}" if folder.is_relative_to(Path.cwd()) else str(folder)


def _show(words: tuple[str, ...], environment: dict[str, str], status: int) -> None:
    _say(f"\n$ {PROGRAM} {shlex.join(words)}")
    done = subprocess.run(
        [PROGRAM, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.stdout:
        _say(done.stdout.rstrip("\n"))
    if done.returncode:
        _say(f"[exit status {done.returncode}]")
    if done.returncode != status:
        sys.exit(f"the demo expected exit status {status}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - printing is the purpose


if __name__ == "__main__":
    main()
