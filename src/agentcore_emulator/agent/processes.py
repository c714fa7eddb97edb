"""Children of the agent: none may outlive the request or the context that it belongs to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys

TYPE_CHECKING = False  # see protocol
if TYPE_CHECKING:
    from typing import Callable, Iterator

PIDFD_OPEN, LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 434, 444, 446  # on every architecture
LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
OPEN_FILES = 768
"""Of one process. The kernel counts descriptors on their way through sockets for the host's user, whose own processes
may have 1024 there; it adds up to 253 more before it refuses (unix(7), ETOOMANYREFS)."""
# Not SIGXFSZ, which Python ignores: so a program hears that its file is too large, and can say it.
HANDLED = (signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD)


def conceal() -> None:
    """Keep other processes of the sandbox out of this one's memory and descriptors (`/proc/PID/mem`, `/fd`)."""
    _prctl(PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, however hard it tries to detach itself."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _system_call(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def scope_sockets() -> None:
    """Let this process and all that it starts connect to no abstract unix socket but their own."""
    attributes = struct.pack("QQQ", 0, 0, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET)
    ruleset = _system_call(LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    _system_call(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def restrict(processes: int, memory_bytes: int, file_bytes: int) -> None:
    """Set the limits that every process of the sandbox inherits, and no process of it needs more of.

    This happens inside the sandbox because the kernel counts processes for each user namespace.
    """
    for kind, limit in (
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_SIGPENDING, processes),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NICE, 0),
        (resource.RLIMIT_RTPRIO, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowest = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (lowest, lowest))


def fork(work: Callable[[], None]) -> int:
    """Do the work in a child that then ends; return the child's id to the parent."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        work()
        status = 0
    except (EOFError, OSError):
        pass  # the other end has hung up: nobody is left to tell
    except BaseException as error:  # noqa: BLE001 - the last stop of this process
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(status)


def become(argv: list[str], program: str, descriptors: tuple[int, int, int]) -> None:
    """Turn this freshly forked process into a program with these standard streams; never returns."""
    try:
        os.setsid()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        for handled in HANDLED:
            signal.signal(handled, signal.SIG_DFL)
        os.execv(program, argv)  # noqa: S606 - the shell, where there is one, is the program
    finally:
        os._exit(127)


def end_of(process: int) -> int:
    """Return a descriptor that is readable when a process has ended; its children may keep its sockets open."""
    return _system_call(PIDFD_OPEN, process, 0)  # os.pidfd_open came with Python 3.9


def kill_descendants() -> None:
    """End every descendant of this process, which adopts orphans; also those that are born meanwhile."""
    while _has_children():  # a look at /proc may miss one whose parent ends during it, but it is a child in the end
        killed = _stop_descendants()
        for process in killed:
            _signal(process, signal.SIGKILL)
        for process in killed:
            with contextlib.suppress(ChildProcessError):  # it is the child of another of them, still
                os.waitpid(process, 0)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _stop_descendants() -> set[int]:
    """Stop every descendant: a stopped process cannot fork, so that even a fork bomb comes to rest."""
    stopped: set[int] = set()
    while True:
        found = descendants(os.getpid()) - stopped
        for process in found:
            _signal(process, signal.SIGSTOP)
        if not found:
            return stopped
        stopped |= found


def _signal(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def reap() -> Iterator[tuple[int, int]]:
    """Yield id and wait status of every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            yield process, status


def exit_code(status: int) -> int:
    """Return what a shell would call this wait status."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def descendants(ancestor: int) -> set[int]:
    """Return the ids of all living processes below this one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            children.setdefault(_parent(name), []).append(int(name))
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def _parent(process: str) -> int:
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return int(fields[1])


def child_signals() -> int:
    """Return a descriptor that becomes readable whenever a child of this process ends."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable
