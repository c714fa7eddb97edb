"""The system call filter of a sandbox, as a classic BPF program for `bwrap --seccomp`.

Namespaces leave some doors open: AF_VSOCK reaches the hypervisor from any network namespace, io_uring does I/O that
no later filter sees, keyrings are not namespaced; and a program could leave the processors of its session. Other calls
hold memory that nobody can attribute to a process, or use up what the kernel grants each user of the host. Everything
listed here fails with EPERM (or ENOSYS where programs then fall back to something else); all other calls pass.
Numbers: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOAD, AND, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT, FOURTH_ARGUMENT = 16, 24, 32, 40
ALLOW, ERROR, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
X32_ABI = 0x40000000
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; clone() takes no NEWTIME.
NEW_NAMESPACES = 0x7E020000
CLONE_FILES, CLONE_THREAD, CLOSE_RANGE_UNSHARE = 0x400, 0x10000, 2
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, NETLINK_ROUTE = 1, 2, 10, 16, 0
SOCK_STREAM, SOCK_SEQPACKET, SOCK_TYPE = 1, 5, 0xF
MAP_HUGETLB, MFD_HUGETLB = 0x40000, 4
PR_SET_SECCOMP, SOL_SOCKET = 22, 1
SOCKET_PROGRAMS = (26, 50, 51, 52)  # SO_ATTACH_FILTER, _BPF, _REUSEPORT_CBPF, _REUSEPORT_EBPF
SO_ZEROCOPY = 60  # counted for the user: what is on its way without a copy is memory that the user has locked
ASK_PERSONALITY, DEFAULT_PERSONALITY = 0xFFFFFFFF, 0
INJECT_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

# Since Linux 5.0 both architectures number new calls alike.
COMMON = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "clone3": 435,
    "close_range": 436,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "open_tree_attr": 467,
}
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clone": (56, 220),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "init_module": (175, 105),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "io_setup": (206, 0),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "seccomp": (317, 277),
    "semget": (64, 190),
    "setns": (308, 268),
    "setsockopt": (54, 208),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "vmsplice": (278, 75),
}
"""Of older calls, on x86-64 and ARM64; each lacks some of the other's."""
# A kernel may have been built without any of these, so programs know how to do without them.
ABSENT = (
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3"),
    # Memory that outlives its process, is mapped nowhere, or stays when it is unmapped.
    *("shmget", "semget", "msgget", "mq_open", "memfd_secret", "vmsplice"),
    # What the kernel counts for the host's user, or for the whole machine: fs.aio-max-nr, net.core.bpf_jit_limit.
    *("inotify_init", "inotify_init1", "fanotify_init", "io_setup", "seccomp"),
)


@dataclass(frozen=True)
class Architecture:
    """What a filter must know about a processor family: its AUDIT_ARCH value and its call numbers."""

    audit: int
    calls: dict[str, int]


def _architecture(audit: int, position: int) -> Architecture:
    older = {name: number for name, numbers in NUMBERS.items() if (number := numbers[position]) is not None}
    return Architecture(audit, {**older, **COMMON})


ARCHITECTURES = {"x86_64": _architecture(0xC000003E, 0), "aarch64": _architecture(0xC00000B7, 1)}


def program(machine: str | None = None, *, unix_sockets: bool = True) -> bytes:
    """Return the filter for a machine type.

    Args:
        machine: `x86_64` or `aarch64`, by default this machine's.
        unix_sockets: Let programs make unix sockets that have names, or can send to names. Where the host's network is
            shared, its abstract sockets are too, and their owners would take a program inside for this user.

    Returns:
        An array of `struct sock_filter`, as bwrap reads it.

    Raises:
        KeyError: There is no filter for this machine type.
    """
    architecture = ARCHITECTURES[machine or platform.machine()]
    calls = architecture.calls
    checked = _checks(unix_sockets=unix_sockets)
    denied = [name for name in calls if name not in checked and name not in ABSENT]
    parts = [_only_architecture(architecture.audit), _instruction(LOAD, NUMBER), _deny_if(JUMP_GREATER_EQUAL, X32_ABI)]
    parts += [_deny_if(JUMP_EQUAL, calls[name], errno.ENOSYS) for name in ABSENT if name in calls]
    parts += [_deny_if(JUMP_EQUAL, calls[name]) for name in denied]
    parts += [_when(calls[name], check) for name, check in checked.items()]
    return b"".join([*parts, _instruction(RETURN, ALLOW)])


def _checks(*, unix_sockets: bool) -> dict[str, bytes]:
    """Return the blocks of the calls that are denied with certain arguments only."""
    families = [*([AF_UNIX] if unix_sockets else []), AF_INET, AF_INET6, AF_NETLINK]
    first, second = _instruction(LOAD, FIRST_ARGUMENT), _instruction(LOAD, SECOND_ARGUMENT)
    return {
        # Other protocols of netlink tell of the host's sockets, devices and audit where its network is shared.
        "socket": _only(FIRST_ARGUMENT, families) + _when(AF_NETLINK, _only(THIRD_ARGUMENT, [NETLINK_ROUTE])),
        "socketpair": _only(FIRST_ARGUMENT, [AF_UNIX]) + (b"" if unix_sockets else _only_connected()),
        # Nor a thread with open files of its own, which /proc/PID/fd does not show.
        "clone": first
        + _deny_if(JUMP_ANY_BIT, NEW_NAMESPACES)
        + _instruction(AND, CLONE_THREAD | CLONE_FILES)
        + _deny_if(JUMP_EQUAL, CLONE_THREAD),
        "close_range": _instruction(LOAD, THIRD_ARGUMENT) + _deny_if(JUMP_ANY_BIT, CLOSE_RANGE_UNSHARE, errno.EINVAL),
        "ioctl": second + b"".join(_deny_if(JUMP_EQUAL, request) for request in INJECT_INPUT),
        "personality": _only(FIRST_ARGUMENT, [ASK_PERSONALITY, DEFAULT_PERSONALITY]),
        "mmap": _instruction(LOAD, FOURTH_ARGUMENT) + _deny_if(JUMP_ANY_BIT, MAP_HUGETLB),
        "memfd_create": second + _deny_if(JUMP_ANY_BIT, MFD_HUGETLB),
        "prctl": first + _deny_if(JUMP_EQUAL, PR_SET_SECCOMP, errno.EINVAL),
        "setsockopt": _no_socket_programs(),
    }


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return one `struct sock_filter`."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _only_architecture(audit: int) -> bytes:
    """Return a block that kills a process of any other architecture (32-bit calls have other numbers)."""
    load, jump = _instruction(LOAD, ARCHITECTURE), _instruction(JUMP_EQUAL, audit, 1, 0)
    return load + jump + _instruction(RETURN, KILL_PROCESS)


def _deny_if(comparison: int, value: int, error: int = errno.EPERM) -> bytes:
    """Return a block that fails the call when the loaded number compares so."""
    return _instruction(comparison, value, 0, 1) + _instruction(RETURN, ERROR | error)


def _when(value: int, block: bytes) -> bytes:
    """Return the block so that it is passed over unless this value is loaded, as the call's number is afterwards."""
    block += _instruction(LOAD, NUMBER)
    return _instruction(JUMP_EQUAL, value, 0, len(block) // 8) + block


def _no_socket_programs() -> bytes:
    """Return a block that fails the attaching of a program to a socket, and the sending of memory itself."""
    options = (*SOCKET_PROGRAMS, SO_ZEROCOPY)
    block = _instruction(LOAD, THIRD_ARGUMENT) + b"".join(_deny_if(JUMP_EQUAL, option) for option in options)
    return _instruction(LOAD, SECOND_ARGUMENT) + _instruction(JUMP_EQUAL, SOL_SOCKET, 0, len(block) // 8) + block


def _only(argument: int, values: Sequence[int]) -> bytes:
    """Return a block that fails the call unless this argument has one of these values."""
    return _instruction(LOAD, argument) + _only_loaded(values)


def _only_connected() -> bytes:
    """Return a block that fails the making of a pair of datagram sockets, which can send to any other's name."""
    load = _instruction(LOAD, SECOND_ARGUMENT) + _instruction(AND, SOCK_TYPE)
    return load + _only_loaded([SOCK_STREAM, SOCK_SEQPACKET])


def _only_loaded(values: Sequence[int]) -> bytes:
    jumps = [_instruction(JUMP_EQUAL, value, len(values) - position, 0) for position, value in enumerate(values)]
    return b"".join([*jumps, _instruction(RETURN, ERROR | errno.EPERM)])
