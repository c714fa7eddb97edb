"""The system call filter, executed here by a small interpreter of classic BPF, for both architectures."""

from __future__ import annotations

import errno
import functools
import struct

import pytest

from agentcore_emulator.isolation import seccomp
from agentcore_emulator.isolation.seccomp import ARCHITECTURES, SO_ZEROCOPY

ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
I386, ARM = 0x40000003, 0x40000028
CLONE_FILES, THREAD = 0x400, 0x3D0F00  # as glibc makes one
CLONE_NEWUSER, CLONE_NEWNS, CLONE_VM, SIGCHLD = 0x10000000, 0x00020000, 0x00000100, 17
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_BLUETOOTH, AF_VSOCK = 1, 2, 10, 16, 17, 38, 31, 40
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_NONBLOCK, SOCK_CLOEXEC = 1, 2, 3, 5, 0o4000, 0o2000000
MAP_ANONYMOUS, MAP_HUGETLB, MFD_HUGETLB = 0x20, 0x40000, 4
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SOL_SOCKET, IPPROTO_IPV6, IPV6_V6ONLY = 22, 38, 1, 41, 26
MACHINES = sorted(ARCHITECTURES)


def decide(machine: str, number: int, *arguments: int, audit: int | None = None, unix_sockets: bool = True) -> int:
    """What the kernel would do with a call."""
    program = list(struct.iter_unpack("=HBBI", seccomp.program(machine, unix_sockets=unix_sockets)))
    chosen = ARCHITECTURES[machine].audit if audit is None else audit
    data = struct.pack("=IIQ6Q", number, chosen, 0, *arguments, *[0] * (6 - len(arguments)))
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            position += if_true if holds else if_false


def refused(machine: str, name: str, *arguments: int, unix_sockets: bool = True) -> int | None:
    """The error of a call, None where it may pass."""
    action = decide(machine, ARCHITECTURES[machine].calls[name], *arguments, unix_sockets=unix_sockets)
    return None if action == ALLOW else action - ERROR


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "name", ["ptrace", "keyctl", "add_key", "mount", "unshare", "setns", "bpf", "process_vm_readv", "pidfd_getfd"]
)
def test_denied(machine: str, name: str) -> None:
    assert refused(machine, name) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "name",
    [
        *("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3", "io_setup", "inotify_init1"),
        *("fanotify_init", "shmget", "semget", "msgget", "mq_open", "memfd_secret", "vmsplice"),
    ],
)
def test_as_if_absent(machine: str, name: str) -> None:
    assert refused(machine, name) == errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_socket_families(machine: str, name: str) -> None:
    for family in (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK) if name == "socket" else (AF_UNIX,):
        assert refused(machine, name, family) is None
    for family in (AF_PACKET, AF_ALG, AF_BLUETOOTH, AF_VSOCK, 0, 255, AF_VSOCK | 1 << 32):
        assert refused(machine, name, family) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("unix_sockets", [True, False])
def test_of_netlink_only_routes(machine: str, unix_sockets: bool) -> None:  # noqa: FBT001 - a parameter
    ask = functools.partial(refused, machine, "socket", unix_sockets=unix_sockets)
    assert ask(AF_NETLINK, SOCK_RAW, 0) is None
    for protocol in (*range(1, 24), 1 << 31):
        assert ask(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol) == errno.EPERM
        assert ask(AF_INET, SOCK_RAW, protocol) is None


@pytest.mark.parametrize("machine", MACHINES)
def test_without_unix_sockets_there_are_pairs_that_reach_no_other(machine: str) -> None:
    assert refused(machine, "socket", AF_UNIX, SOCK_STREAM, unix_sockets=False) == errno.EPERM
    assert refused(machine, "socket", AF_INET, SOCK_STREAM, unix_sockets=False) is None
    for kind in (SOCK_STREAM, SOCK_SEQPACKET, SOCK_STREAM | SOCK_CLOEXEC, SOCK_SEQPACKET | SOCK_NONBLOCK):
        assert refused(machine, "socketpair", AF_UNIX, kind, unix_sockets=False) is None
    for kind in (SOCK_DGRAM, SOCK_DGRAM | SOCK_CLOEXEC, SOCK_RAW, 0, 6, 15):
        assert refused(machine, "socketpair", AF_UNIX, kind, unix_sockets=False) == errno.EPERM
        assert refused(machine, "socketpair", AF_UNIX, kind) is None


@pytest.mark.parametrize("machine", MACHINES)
def test_no_programs_for_the_kernel(machine: str) -> None:
    """The kernel has room for a number of them that all users share."""
    assert refused(machine, "seccomp", 1) == errno.ENOSYS
    assert refused(machine, "prctl", PR_SET_SECCOMP, 2) == errno.EINVAL
    assert refused(machine, "prctl", PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP) is None
    for option in (26, 50, 51, 52):
        assert refused(machine, "setsockopt", 3, SOL_SOCKET, option) == errno.EPERM
    assert refused(machine, "setsockopt", 3, SOL_SOCKET, SO_ZEROCOPY) == errno.EPERM
    assert refused(machine, "setsockopt", 3, SOL_SOCKET, 2) is None
    assert refused(machine, "setsockopt", 3, IPPROTO_IPV6, IPV6_V6ONLY) is None


@pytest.mark.parametrize("machine", MACHINES)
def test_no_huge_pages_of_the_machine(machine: str) -> None:
    assert refused(machine, "mmap", 0, 1 << 21, 3, MAP_ANONYMOUS) is None
    assert refused(machine, "mmap", 0, 1 << 21, 3, MAP_ANONYMOUS | MAP_HUGETLB) == errno.EPERM
    assert refused(machine, "memfd_create", 0, 1) is None
    assert refused(machine, "memfd_create", 0, MFD_HUGETLB) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_processes_and_threads_but_no_namespaces(machine: str) -> None:
    assert refused(machine, "clone", SIGCHLD) is None
    assert refused(machine, "clone", CLONE_VM | SIGCHLD) is None
    assert refused(machine, "clone", THREAD) is None
    assert refused(machine, "clone", THREAD & ~CLONE_FILES) == errno.EPERM, "its files would not be seen"
    assert refused(machine, "close_range", 3, 9, 4) is None
    assert refused(machine, "close_range", 3, 9, 4 | 2) == errno.EINVAL
    for flag in (CLONE_NEWUSER, CLONE_NEWNS, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000):
        assert refused(machine, "clone", flag | SIGCHLD) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_terminal_input_cannot_be_injected(machine: str) -> None:
    assert refused(machine, "ioctl", 0, 0x5413) is None
    assert refused(machine, "ioctl", 0, 0x5412) == errno.EPERM
    assert refused(machine, "ioctl", 0, 0x541C | 1 << 32) == errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_personality(machine: str) -> None:
    assert refused(machine, "personality", 0xFFFFFFFF) is None
    assert refused(machine, "personality", 0) is None
    assert refused(machine, "personality", 0x0040000) == errno.EPERM


@pytest.mark.parametrize(("machine", "foreign"), [("x86_64", I386), ("aarch64", ARM)])
def test_other_architectures_are_killed(machine: str, foreign: int) -> None:
    assert decide(machine, 0, audit=foreign) == KILL


def test_the_x32_numbers_are_denied() -> None:
    assert decide("x86_64", 0x40000000 | 41, AF_VSOCK) == ERROR | errno.EPERM


@pytest.mark.parametrize(("machine", "read", "execve"), [("x86_64", 0, 59), ("aarch64", 63, 221)])
def test_ordinary_calls_pass(machine: str, read: int, execve: int) -> None:
    assert decide(machine, read) == decide(machine, execve) == ALLOW
