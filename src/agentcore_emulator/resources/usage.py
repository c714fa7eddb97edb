"""What the processes and files of a sandbox take, measured from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Inode = tuple[int, int]
"""Device and number."""

DU = shutil.which("du", path="/usr/bin:/bin")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Positions in /proc/PID/stat after the name (proc_pid_stat(5), counted from its third field).
STATE, PARENT, TICKS, THREADS, STARTED, RESIDENT = 0, 1, slice(11, 15), 17, 19, 21

SPARSE = 8  # tables are a 512th of what is mapped densely
BLOCK = 512  # the unit of st_blocks
INODE_BYTES = 4096
"""What a file counts for beside its content: a file system has room for a number of files only."""
STAT_BYTES = 4096  # its 52 numbers have at most 20 digits


@dataclass(frozen=True)
class Process:
    """One process of this machine, named for ever by `pid` and `started`.

    Its ended children count in `ticks`, what it shares in full in `resident_bytes`. The state is one letter, such as
    `T` (stopped) or `Z` (has ended). `body` is the thread that has its memory and its files: not the first where that
    has ended and others live on.
    """

    pid: int
    parent: int
    threads: int
    ticks: int
    started: int
    resident_bytes: int
    state: str
    body: int

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """Look at a process; None where there is none."""
        try:
            body, text = pid, _read_stat(pid)
            if text[STATE] == b"Z" and int(text[THREADS]) > 1:
                body = next(task for task in map(int, os.listdir(f"/proc/{pid}/task")) if task != pid)  # noqa: PTH208 - quicker, as in _read_stat
                text[RESIDENT] = _read_stat(body)[RESIDENT]
        except (OSError, StopIteration):
            return None
        ticks = sum(map(int, text[TICKS]))
        parent, threads, started, resident = (int(text[field]) for field in (PARENT, THREADS, STARTED, RESIDENT))
        return cls(pid, parent, threads, ticks, started, resident * PAGE, text[STATE].decode(), body)

    def memory_bytes(self, tables: int) -> tuple[int, int]:
        """Its share of memory (PSS) without and in shared memory; all that is resident where that cannot be read.

        Nor where its `tables` are large beside that: the kernel goes through them, while a program can make them grow.
        """
        if tables > self.resident_bytes // SPARSE:
            return self.resident_bytes, 0
        with contextlib.suppress(OSError, KeyError):
            sizes = _kilobytes(f"/proc/{self.body}/smaps_rollup")
            shared = sizes.get(b"Pss_Shmem", 0)
            return (sizes[b"Pss"] - shared) << 10, shared << 10
        return self.resident_bytes, 0

    def page_table_bytes(self) -> int:
        """What the kernel needs to map its memory: no part of that memory, and as much where it is mapped sparsely."""
        with contextlib.suppress(OSError):
            return _kilobytes(f"/proc/{self.body}/status").get(b"VmPTE", 0) << 10
        return 0

    def nameless_files(self) -> dict[Inode, int]:
        """Return the size, on disk or in memory, of the files without a name that it holds: device, inode -> bytes.

        They are deleted files and those of `memfd_create`. That a file is mapped and not open only root can see.

        Raises:
            PermissionError: It hides them; for a moment every process does that starts or ends.
        """
        folder = f"/proc/{self.body}/fd"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            paths = [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208 - quicker, as in _read_stat
            return dict(filter(None, map(_nameless, [*paths, *self._deleted_mappings()])))
        return {}

    def _deleted_mappings(self) -> list[str]:
        with contextlib.suppress(OSError), open(f"/proc/{self.body}/maps", "rb") as file:  # noqa: PTH123 - quicker, as in _read_stat
            ranges = [line.split(b" ", 1)[0].decode() for line in file if line.endswith(b" (deleted)\n")]
            return [f"/proc/{self.body}/map_files/{addresses}" for addresses in ranges]
        return []

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal, and no other that has got its id meanwhile."""
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(self.pid)
            try:
                now = Process.read(self.pid)
                if now and now.started == self.started:
                    signal.pidfd_send_signal(handle, signum)
            finally:
                os.close(handle)


def _kilobytes(path: str) -> dict[bytes, int]:
    """Return the lines of a file of /proc that give sizes: name -> KiB."""
    with open(path, "rb") as file:  # noqa: PTH123 - quicker, as in _read_stat
        parts = [line.split() for line in file if line.endswith(b" kB\n")]
    return {part[0].rstrip(b":"): int(part[-2]) for part in parts}


def _nameless(path: str) -> tuple[Inode, int] | None:
    """Look at an open file; None where it has a name, or is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - quicker, as in _read_stat
    except OSError:
        return None
    is_nameless = stat.S_ISREG(found.st_mode) and found.st_nlink == 0
    return ((found.st_dev, found.st_ino), found.st_blocks * BLOCK) if is_nameless else None


def _read_stat(pid: int) -> list[bytes]:
    """Return the fields after the name; by three system calls, not nine: this happens thousands of times a minute."""
    file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, STAT_BYTES).rpartition(b")")[2].split()
    finally:
        os.close(file)


class Snapshot:
    """The processes of this machine at one moment."""

    def __init__(self) -> None:
        self._children: dict[int, list[Process]] = defaultdict(list)
        for name in os.listdir("/proc"):  # noqa: PTH208 - quicker, as in _read_stat
            if name.isdigit() and (process := Process.read(int(name))):
                self._children[process.parent].append(process)

    def below(self, ancestor: int) -> list[list[Process]]:
        """Return the descendants of a process: its children, their children and so on."""
        return list(self._generations(ancestor))

    def _generations(self, ancestor: int) -> Iterator[list[Process]]:
        generation = self._children[ancestor]
        while generation:
            yield generation
            generation = [child for process in generation for child in self._children[process.pid]]


def children(parent: int) -> list[int]:
    """Return the ids of the children that the first thread of a process has started."""
    with contextlib.suppress(OSError), open(f"/proc/{parent}/task/{parent}/children", "rb") as file:  # noqa: PTH123 - quicker, as in _read_stat
        return [int(child) for child in file.read().split()]
    return []


def descendants(ancestor: int) -> list[int]:
    """Return the ids of the processes below this one, each after its parent; of few, quicker than a snapshot."""
    found = [ancestor]
    for process in found:
        found += children(process)
    return found[1:]


def disk_bytes(folder: Path) -> tuple[int, bool]:
    """Return what the files below a folder take on disk, and whether folders without permissions hide more of them.

    0 where there is no `du`, which takes any names and depths.
    """
    if not DU:
        return 0, False
    (kilobytes, hides), (inodes, _) = _du("-skx", folder), _du("--inodes", "-sx", folder)
    return (kilobytes << 10) + inodes * INODE_BYTES, hides


def _du(*arguments: str | Path) -> tuple[int, bool]:
    command = [str(DU), *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, env={"LC_ALL": "C"}, capture_output=True, check=False)
    number = done.stdout.split(b"\t")[0]
    return int(number) if number.isdigit() else 0, b"Permission denied" in done.stderr


def reveal(folder: Path) -> None:
    """Give permissions to the folders below this one that have none."""
    hidden = ["-xdev", "-type", "d", "!", "-perm", "-u+rx", "-exec", "/bin/chmod", "u+rx", "{}", ";"]
    subprocess.run(["/usr/bin/find", folder, *hidden], stdin=subprocess.DEVNULL, capture_output=True, check=False)
