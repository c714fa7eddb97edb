"""What a killed service may have left of sandboxes that were just starting.

A bwrap that is killed in its first milliseconds leaves its child behind, process 1 of the sandbox to be, which waits
for it for ever: `--die-with-parent` comes later.
"""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

from agentcore_emulator.isolation import starter
from agentcore_emulator.isolation.archive import PACKAGE
from agentcore_emulator.resources.usage import Process


def find() -> list[Process]:
    """Return those of this user: first processes of a namespace whose bwrap is gone."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            process = Process.read(int(folder.name))
            if process and _is_first_of_ours(folder) and _name(process.parent) != "bwrap":
                found.append(process)
    return found


def end() -> None:
    """Kill them."""
    for process in find():
        process.send(signal.SIGKILL)


def _is_first_of_ours(folder: Path) -> bool:
    if folder.stat().st_uid != starter.user() or _name(int(folder.name)) != "bwrap":
        return False
    if PACKAGE.encode() not in (folder / "cmdline").read_bytes():
        return False
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    return status["NSpid"].split()[1:] == ["1"]


def _name(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
