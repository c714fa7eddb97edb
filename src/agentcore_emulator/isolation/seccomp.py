"""The system call filter of a sandbox, as a classic BPF program for `bwrap --seccomp`.

Namespaces leave some doors open: AF_VSOCK reaches the hypervisor from any network namespace, io_uring does I/O that
no later filter sees, keyrings are not namespaced; and a program could leave the processors of its session. Everything
listed here fails with EPERM (or ENOSYS where programs then fall back to something else); all other calls pass.
Numbers: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in struct seccomp_data
ALLOW, ERROR, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
X32_ABI = 0x40000000
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; clone() takes no NEWTIME.
NEW_NAMESPACES = 0x7E020000
SOCKET_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
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
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "open_tree_attr": 467,
}
X86_64 = {
    "socket": 41,
    "socketpair": 53,
    "clone": 56,
    "ioctl": 16,
    "ptrace": 101,
    "syslog": 103,
    "uselib": 134,
    "personality": 135,
    "pivot_root": 155,
    "chroot": 161,
    "acct": 163,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "iopl": 172,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "sched_setaffinity": 203,
    "unshare": 272,
    "perf_event_open": 298,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
}
AARCH64 = {
    "socket": 198,
    "socketpair": 199,
    "clone": 220,
    "ioctl": 29,
    "umount2": 39,
    "mount": 40,
    "pivot_root": 41,
    "chroot": 51,
    "quotactl": 60,
    "acct": 89,
    "personality": 92,
    "unshare": 97,
    "kexec_load": 104,
    "init_module": 105,
    "delete_module": 106,
    "sched_setaffinity": 122,
    "syslog": 116,
    "ptrace": 117,
    "reboot": 142,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "swapon": 224,
    "swapoff": 225,
    "perf_event_open": 241,
    "name_to_handle_at": 264,
    "open_by_handle_at": 265,
    "setns": 268,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "finit_module": 273,
    "bpf": 280,
    "userfaultfd": 282,
    "kexec_file_load": 294,
}
# The kernel of old has none of these, so every program knows how to do without them.
ABSENT = ("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3")
CHECKED = ("socket", "socketpair", "clone", "ioctl", "personality")


@dataclass(frozen=True)
class Architecture:
    """What a filter must know about a processor family: its AUDIT_ARCH value and its call numbers."""

    audit: int
    calls: dict[str, int]


ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, {**X86_64, **COMMON}),
    "aarch64": Architecture(0xC00000B7, {**AARCH64, **COMMON}),
}


def program(machine: str | None = None) -> bytes:
    """Return the filter for a machine type.

    Args:
        machine: `x86_64` or `aarch64`, by default this machine's.

    Returns:
        An array of `struct sock_filter`, as bwrap reads it.

    Raises:
        KeyError: There is no filter for this machine type.
    """
    architecture = ARCHITECTURES[machine or platform.machine()]
    calls = architecture.calls
    denied = [name for name in calls if name not in CHECKED and name not in ABSENT]
    parts = [_only(architecture.audit), _instruction(LOAD, NUMBER), _deny_if(JUMP_GREATER_EQUAL, X32_ABI)]
    parts += [_deny_if(JUMP_EQUAL, calls[name], errno.ENOSYS) for name in ABSENT]
    parts += [_deny_if(JUMP_EQUAL, calls[name]) for name in denied]
    parts += [_when(calls[name], _only_families()) for name in ("socket", "socketpair")]
    parts += [_when(calls["clone"], _instruction(LOAD, FIRST_ARGUMENT) + _deny_if(JUMP_ANY_BIT, NEW_NAMESPACES))]
    parts += [_when(calls["ioctl"], _instruction(LOAD, SECOND_ARGUMENT) + b"".join(map(_deny_request, INJECT_INPUT)))]
    parts += [_when(calls["personality"], _only_default_personality())]
    return b"".join([*parts, _instruction(RETURN, ALLOW)])


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return one `struct sock_filter`."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _only(audit: int) -> bytes:
    """Return a block that kills a process of any other architecture (32-bit calls have other numbers)."""
    load, jump = _instruction(LOAD, ARCHITECTURE), _instruction(JUMP_EQUAL, audit, 1, 0)
    return load + jump + _instruction(RETURN, KILL_PROCESS)


def _deny_if(comparison: int, value: int, error: int = errno.EPERM) -> bytes:
    """Return a block that fails the call when the loaded number compares so."""
    return _instruction(comparison, value, 0, 1) + _instruction(RETURN, ERROR | error)


def _deny_request(request: int) -> bytes:
    """Return a block that fails an ioctl with this request number."""
    return _deny_if(JUMP_EQUAL, request)


def _when(call: int, block: bytes) -> bytes:
    """Return the block so that it is passed over by every other call, which stays loaded."""
    block += _instruction(LOAD, NUMBER)
    return _instruction(JUMP_EQUAL, call, 0, len(block) // 8) + block


def _only_families() -> bytes:
    """Return a block that fails the making of any other socket: AF_VSOCK, AF_ALG, AF_PACKET, AF_BLUETOOTH ..."""
    jumps = [
        _instruction(JUMP_EQUAL, family, len(SOCKET_FAMILIES) - position, 0)
        for position, family in enumerate(SOCKET_FAMILIES)
    ]
    return b"".join([_instruction(LOAD, FIRST_ARGUMENT), *jumps, _instruction(RETURN, ERROR | errno.EPERM)])


def _only_default_personality() -> bytes:
    """Return a block that lets a process ask for its personality and nothing else."""
    load = _instruction(LOAD, FIRST_ARGUMENT)
    ask, default = _instruction(JUMP_EQUAL, 0xFFFFFFFF, 2, 0), _instruction(JUMP_EQUAL, 0, 1, 0)
    return load + ask + default + _instruction(RETURN, ERROR | errno.EPERM)
