"""The thread that looks at what each session uses, and ends what goes beyond its limits."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from agentcore_emulator.agent.processes import OPEN_FILES
from agentcore_emulator.limits import human_bytes
from agentcore_emulator.resources import usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from agentcore_emulator.limits import Limits
    from agentcore_emulator.resources.cgroups import Group, Groups

PAUSE_SECONDS = 0.25  # between two looks
SHARE = 20  # a look may take one part in so many of the time,
LONGEST_PAUSE = 1.0  # but a program that makes looking slow must not gain time to use up the machine in
NEARLY = 0.8  # of the memory resident, from where on it is worth to measure what is shared
HIDDEN_LOOKS = 4  # in a row, until a program hides what it holds and does not just start or end
STOPPED_LOOKS = 8  # in a row, until a program does nothing but stop what answers
GROWN = 1.02  # files that have grown by less than this may be a killed program's last
REMEMBERED = 100
KERNEL_MEMORY = ("buffers of sockets and pipes", "file locks and other objects of the kernel")
UNMAPPED_MEMORY = "shared memory that is neither mapped nor open"
SENT_FILES = "deleted files that are on their way through a socket"
MAPPED_FILES = "deleted files that are mapped and not open"
MEMORY = "The session used more than its {} of memory: the largest of its processes was killed."
DISK = "The session's files take more than its {} of disk: what ran was killed. Remove some."
HIDDEN = "A program of the session that hides its open files was killed: what they hold could not be measured."
STOPPED = "A program of the session kept stopping the processes that answer requests: what ran was killed."
PROCESSES = "The session has as many processes and threads as it may have, {}: no more can be started."

_log = logging.getLogger(__name__)


class Monitor:
    """One sandbox, what it uses and what became of it."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self.disk_bytes = 0
        self._process = 0
        self._group: Group | None = None
        self._device = 0
        self._sees_files = False
        self._own: set[int] = set()
        self._agent = 0
        self._stopped_looks = 0
        self._hidden: Counter[tuple[int, int]] = Counter()
        self._ticks = 0
        self._is_used = True
        self._is_crowded = False
        self._nameless_bytes = 0
        self._ending = threading.RLock()  # who is told what was killed has it killed: what comes next is safe
        self._events: list[str] = []
        self._forgotten = 0
        self._untold = 0

    def begin(self, process: int, group: Group | None) -> None:
        """Watch the sandbox below this bwrap from here on; only its own first processes run in it yet.

        `group` limits its memory; None lets the watchdog do it.
        """
        own = usage.descendants(process)
        if group:
            group.admit([process, *own])
        self._own, self._agent, self._group = set(own), own[-1], group
        self._device = self.folder.stat().st_dev
        self._sees_files = os.access(f"/proc/{own[0]}/fd", os.R_OK)
        if not self._sees_files:
            _log.warning("open files cannot be seen here: those without a name are not counted")
        self._process = process

    def mark(self) -> int:
        """Return a point in time for `since`; something is about to happen."""
        self._is_used = True
        return self._forgotten + len(self._events)

    def since(self, mark: int) -> list[str]:
        """Return which limits were reached since then, and what nobody was told yet, each in a sentence."""
        self._look_at_group()
        with self._ending:
            first = max(0, min(mark, self._untold) - self._forgotten)
            events = self._events[first:]
            self._untold = self.mark()
            return events

    def has_room(self, size: int) -> bool:
        """Return whether files of `size` bytes more would not be too many."""
        if self.disk_bytes + size > self.limits.disk_bytes:
            self.disk_bytes = self._measure_disk()  # some may have been removed meanwhile
        return self.disk_bytes + size <= self.limits.disk_bytes

    def look(self, snapshot: usage.Snapshot) -> bool:
        """Hold it to its limits on processes and memory; return whether its files may have changed."""
        generations = snapshot.below(self._process)
        processes = [*itertools.chain(*generations)]
        self._wake_own(processes)
        self._end_orphans(snapshot, generations)
        self._count(processes)
        has_changed = self._has_changed(sum(process.ticks for process in processes))
        if self._group:
            self._look_at_group()
        elif has_changed or self._hidden:
            self._look_at_memory(processes)
        alive = {(process.pid, process.started) for process in processes}
        self._hidden = Counter({key: looks for key, looks in list(self._hidden.items()) if key in alive})
        return has_changed or bool(self._hidden)

    def _count(self, processes: list[usage.Process]) -> None:
        was_crowded = self._is_crowded
        self._is_crowded = sum(process.threads for process in processes) >= self.limits.processes
        if self._is_crowded and not was_crowded:
            self._tell(PROCESSES.format(self.limits.processes))

    def _wake_own(self, processes: list[usage.Process]) -> None:
        """Let the sandbox's own processes go on that a program has stopped: nobody else would answer."""
        stopped = [process for process in processes if process.state == "T" and self._is_own(process)]
        self._stopped_looks = self._stopped_looks + 1 if stopped else 0
        if self._stopped_looks >= STOPPED_LOOKS:
            self._end(self._running_programs(), STOPPED)
            self._stopped_looks = 0  # what is woken now may be seen stopped once more
        for process in stopped:
            process.send(signal.SIGCONT)

    def _end_orphans(self, snapshot: usage.Snapshot, generations: list[list[usage.Process]]) -> None:
        """End what a program has cut off from those who answer for it: it is a child of the sandbox's first process."""
        for process in generations[1] if len(generations) > 1 else []:
            if process.pid != self._agent:
                for one in (process, *itertools.chain(*snapshot.below(process.pid))):
                    one.send(signal.SIGKILL)

    def _has_changed(self, ticks: int) -> bool:
        """Whether it has used a processor, or a call came or went: ended processes take their times along."""
        before, self._ticks = self._ticks, ticks
        was_used, self._is_used = self._is_used, False
        return was_used or before != ticks

    def look_at_disk(self) -> None:
        """End the programs that make its files larger than they may be; those that make them smaller go on."""
        before, self.disk_bytes = self.disk_bytes, self._measure_disk()
        # Files without names are running programs' own: they may have come in the place of what was left before.
        has_grown = self.disk_bytes > max(self.limits.disk_bytes, GROWN * before)
        if has_grown or self._nameless_bytes > self.limits.disk_bytes:
            with self._ending:  # nobody's next program is in what is measured
                self._end(self._running_programs(), DISK.format(human_bytes(self.limits.disk_bytes)))
                self.disk_bytes, _ = usage.disk_bytes(self.folder)  # files without names end with their programs

    def _measure_disk(self) -> int:
        files = [self._nameless_files(program, on_disk=True) for program in self._running_programs()]
        self._nameless_bytes = sum({inode: size for found in files for inode, size in found.items()}.values())
        size, hides = usage.disk_bytes(self.folder)
        if not hides:
            return size + self._nameless_bytes
        self._send_all(signal.SIGSTOP)  # else they could hide files faster than these are found
        try:
            usage.reveal(self.folder)
            return usage.disk_bytes(self.folder)[0] + self._nameless_bytes
        finally:
            self._send_all(signal.SIGCONT)

    def _send_all(self, signum: signal.Signals) -> None:
        """Send a signal to all programs of the session."""
        for process in self._running_programs():
            process.send(signum)

    def _end(self, programs: list[usage.Process], event: str) -> None:
        """Kill programs; whose answer comes before or after that hears why."""
        with self._ending:
            self._tell(event)
            for program in programs:
                program.send(signal.SIGKILL)

    def _running_programs(self) -> list[usage.Process]:
        return self._programs([*itertools.chain(*usage.Snapshot().below(self._process))])

    def _look_at_memory(self, processes: list[usage.Process]) -> None:
        limit, programs = self.limits.memory_bytes, self._programs(processes)
        tables = {process: process.page_table_bytes() for process in processes}
        files = {process: self._nameless_files(process, on_disk=False) for process in programs}
        rough = [Share(one.resident_bytes + tables[one], 0, files.get(one, {})) for one in processes]
        if _total(rough) < NEARLY * limit:
            return
        shares = {}
        for process in processes:
            own, shared = process.memory_bytes(tables[process])
            shares[process] = Share(own + tables[process], shared, files.get(process, {}))
        for victim in sorted(programs, key=lambda process: _total([shares[process]]), reverse=True):
            if _total(shares.values()) <= limit:
                return
            self._end([victim], MEMORY.format(human_bytes(limit)))
            del shares[victim]

    def _nameless_files(self, program: usage.Process, *, on_disk: bool) -> dict[usage.Inode, int]:
        """Return the files without names of a program, on disk or in memory; end one that goes on hiding them."""
        if not self._sees_files or (program.state == "Z" and program.body == program.pid):
            return {}
        key = (program.pid, program.started)
        try:
            found = program.nameless_files()
        except PermissionError:
            self._hidden[key] += 1
            if self._hidden[key] >= HIDDEN_LOOKS:
                self._end([program], HIDDEN)
            return {}
        del self._hidden[key]
        return {inode: size for inode, size in found.items() if (inode[0] == self._device) == on_disk}

    def _look_at_group(self) -> None:
        if self._group and self._group.kills():
            self._tell(MEMORY.format(human_bytes(self.limits.memory_bytes)))

    def _programs(self, processes: list[usage.Process]) -> list[usage.Process]:
        """Leave out the sandbox's own processes: its first ones and the agent's children, which answer requests."""
        return [process for process in processes if not self._is_own(process)]

    def _is_own(self, process: usage.Process) -> bool:
        return process.pid in self._own or process.parent == self._agent

    def _tell(self, event: str) -> None:
        self._events.append(event)
        if len(self._events) > REMEMBERED:
            self._forgotten += 1
            del self._events[0]


class Share(NamedTuple):
    """What a process holds of memory: what it has mapped alone and with others, and the files without a name."""

    own: int
    shared: int
    files: Mapping[usage.Inode, int]


def _total(shares: Iterable[Share]) -> int:
    """Add them up; shared memory that is mapped may be that of the files."""
    shares = list(shares)
    files = {inode: size for share in shares for inode, size in share.files.items()}
    return sum(share.own for share in shares) + max(sum(share.shared for share in shares), sum(files.values()))


class Watchdog:
    """Watches the sandboxes of a service; where there are no control groups (`groups`) it limits memory itself."""

    def __init__(self, groups: Groups | None = None) -> None:
        self._groups = groups
        self._lock = threading.Lock()
        self._monitors: dict[Monitor, Group | None] = {}
        self._changed: list[Monitor] = []
        self._disk_at = 0.0
        self._ended = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def holds(self, limits: Limits) -> dict[str, dict[str, int | str | list[str]]]:
        """Return the limits of a session, each with what holds a session to it, and what is not counted."""
        memory = "cgroup" if self._groups else "watchdog"
        is_root = os.geteuid() == 0
        unseen_memory = [*KERNEL_MEMORY, *([] if is_root else [UNMAPPED_MEMORY])]
        unseen_files = [SENT_FILES, *([] if is_root else [MAPPED_FILES])]
        return {
            "cpus": {"most": limits.cpus, "heldBy": "affinity"},
            "memoryBytes": {
                "most": limits.memory_bytes,
                "heldBy": memory,
                "notCounted": [] if self._groups else unseen_memory,
            },
            "diskBytes": {
                "most": limits.disk_bytes,
                "heldBy": "watchdog" if usage.DU else "rlimit",
                "notCounted": unseen_files,
            },
            "processes": {"most": limits.processes, "heldBy": "rlimit"},
            "openFiles": {"most": OPEN_FILES, "heldBy": "rlimit"},
        }

    def watch(self, monitor: Monitor, process: int) -> None:
        """Watch a sandbox whose bwrap is this process."""
        group = self._groups.make(monitor.limits.memory_bytes) if self._groups else None
        try:
            monitor.begin(process, group)
        except OSError:
            if group:
                group.remove()
            raise
        with self._lock:
            self._monitors[monitor] = group
        self._begun.set()

    def forget(self, monitor: Monitor) -> None:
        """Watch a sandbox no more, whose processes have ended."""
        with self._lock:
            group = self._monitors.pop(monitor, None)
        if group:
            group.remove()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._begun.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._look_safely()):
            if not self._monitors:
                self._begun.wait()
                self._begun.clear()

    def _look_safely(self) -> float:
        try:
            return self._look()
        except Exception:  # noqa: BLE001 - without this thread no session would be held to its limits any more
            _log.exception("a look at the sessions failed")
            return PAUSE_SECONDS

    def _look(self) -> float:
        """Look at all sandboxes; return how many seconds to do nothing then."""
        began = time.monotonic()
        with self._lock:
            monitors = list(self._monitors)
        if monitors:
            snapshot = usage.Snapshot()
            changed = [one for one in monitors if one.look(snapshot)]
            self._changed += [one for one in changed if one not in self._changed]
            self._look_at_disks()
        return max(PAUSE_SECONDS, _pause_since(began))

    def _look_at_disks(self) -> None:
        """Measure the files of one session after the other, as long as that takes little of the time."""
        while self._changed and time.monotonic() >= self._disk_at:
            began = time.monotonic()
            self._changed.pop(0).look_at_disk()
            self._disk_at = time.monotonic() + _pause_since(began)


def _pause_since(began: float) -> float:
    """How many seconds to wait after a look."""
    return min(LONGEST_PAUSE, SHARE * (time.monotonic() - began))
