"""Memory limits by the kernel: control groups (cgroup v2) of one's own, where this user can have some.

A process may make groups below its own one where that is the root of the hierarchy and the user is root, and where a
service manager has delegated it (systemd, "Control Group APIs and Delegation"): systemd moves this process into a
scope of its own when it is asked to, each user's manager without any right of root's.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "agentcore-sandbox"
ANSWER_SECONDS = 5.0
MOVE_SECONDS = 2.0
END_SECONDS = 2.0  # for the kernel to forget the killed processes of a group
PAUSE = 0.02


class Group:
    """The control group of one sandbox."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kills = 0

    def admit(self, processes: Iterable[int]) -> None:
        """Move processes into it; those that they start later are born there."""
        for process in processes:
            (self._folder / "cgroup.procs").write_text(str(process), encoding="ascii")

    def kills(self) -> bool:
        """Return whether the kernel has killed a process of it since the last time."""
        events = dict(line.split() for line in _lines(self._folder / "memory.events"))
        before, self._kills = self._kills, int(events.get("oom_kill", 0))
        return self._kills > before

    def remove(self) -> None:
        """Remove it when its processes are gone."""
        deadline = time.monotonic() + END_SECONDS
        while not _removed(self._folder) and time.monotonic() < deadline:
            time.sleep(PAUSE)


class Groups:
    """Makes control groups below one of this process's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    @classmethod
    def find(cls) -> Groups | None:
        """Return what makes groups here; None where this user can have none."""
        for own in (_own_group, _scope):
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                folder = own()
                if folder and _prepare(folder):
                    return cls(folder)
        return None

    def make(self, memory_bytes: int) -> Group:
        """Make a group that may use so much memory; may raise OSError."""
        folder = self._folder / f"{NAME}-{os.getpid()}-{next(self._numbers)}"
        folder.mkdir()
        (folder / "memory.max").write_text(str(memory_bytes), encoding="ascii")
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap
            (folder / "memory.swap.max").write_text("0", encoding="ascii")
        return Group(folder)


def _own_group() -> Path | None:
    """Return the folder of this process's group."""
    path = next((line[3:] for line in _lines(Path("/proc/self/cgroup")) if line.startswith("0::")), None)
    for line in _lines(Path("/proc/self/mountinfo")):
        fields = line.split()
        if path is not None and fields[fields.index("-") + 1] == "cgroup2":
            return Path(fields[4]) / os.path.relpath(path, fields[3])
    return None


def _scope() -> Path | None:
    """Ask systemd for a scope of our own, and return its folder."""
    busctl, name = shutil.which("busctl"), f"{NAME}-{os.getpid()}.scope"
    if not busctl:
        return None
    manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
    properties = ["2", "PIDs", "au", "1", str(os.getpid()), "Delegate", "b", "true", "0"]
    call = ["call", *manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail", *properties]
    subprocess.run(
        [busctl, "--system" if os.geteuid() == 0 else "--user", *call],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=ANSWER_SECONDS,
        check=True,
    )
    return _moved_to(name)


def _moved_to(name: str) -> Path | None:
    deadline = time.monotonic() + MOVE_SECONDS
    while time.monotonic() < deadline:
        folder = _own_group()
        if folder and folder.name == name:
            return folder
        time.sleep(PAUSE)
    return None


def _prepare(folder: Path) -> bool:
    """Make a group fit to have limited ones below it; False where it is not ours alone, or limits no memory."""
    is_root = not (folder / "cgroup.type").exists()
    processes = set(_lines(folder / "cgroup.procs"))
    if "memory" not in (folder / "cgroup.controllers").read_text(encoding="ascii").split():
        return False
    if not is_root:
        if processes != {str(os.getpid())}:
            return False
        inner = folder / f"{NAME}-service"  # a group with limited ones below it may hold no process itself
        inner.mkdir(exist_ok=True)
        (inner / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    (folder / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
    _sweep(folder)
    return True


def _sweep(folder: Path) -> None:
    """Remove the groups of services that were killed."""
    for left in folder.glob(f"{NAME}-*-*"):
        owner = left.name.split("-")[-2]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _removed(left)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
