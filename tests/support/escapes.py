"""Attempts to get out of a sandbox. Each is Python code that runs inside and prints what came of it."""

from __future__ import annotations

import json
import platform
import textwrap
from typing import TYPE_CHECKING, Any

from agentcore_emulator.isolation.seccomp import ARCHITECTURES

if TYPE_CHECKING:
    from support.host import Host

REFUSED = {"EPERM", "EACCES", "ENOENT", "EROFS", "ENOSYS", "ESRCH", "ECONNREFUSED", "ENETUNREACH", "EINVAL", "ENXIO"}
PRELUDE = """
import ctypes, errno, os, socket, sys
host = {host}
call = {calls}
BOMB_MIB = 8192  # an end, so that a bomb that nothing stops does not fill the tests' machine
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action, *arguments):
    try:
        print("done:", action(*arguments))
    except OSError as error:
        print("refused:", errno.errorcode.get(error.errno, error))
def syscall(name, *arguments):
    if libc.syscall(call[name], *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
    return "it worked"
"""

# Name -> the code, and what it must print: one of REFUSED after "refused:", or exactly this.
ATTEMPTS: dict[str, tuple[str, str | None]] = {
    "read a file of the user": ("attempt(open, host['secret'])", None),
    "read the AWS credentials": ("attempt(open, host['home'] + '/.aws/credentials')", None),
    "list the home": ("attempt(os.listdir, host['home'])", None),
    "read the service's keys": ("attempt(open, host['state'])", None),
    "read the memory of a process of the host": ("attempt(open, f'/proc/{host[\"pid\"]}/mem', 'rb')", None),
    "list another session": ("attempt(os.listdir, host['other_session'])", None),
    "list the folder of all sessions": ("attempt(os.listdir, os.path.dirname(host['other_session']))", None),
    "read the passwords": ("attempt(open, '/etc/shadow')", None),
    "read the kernel's log": ("attempt(open, '/dev/kmsg')", None),
    "read the kernel's memory": ("attempt(lambda: open('/proc/kcore', 'rb').read(16))", None),
    "read a disk": ("attempt(os.mknod, 'disk', 0o60666, os.makedev(8, 0))", None),
    "find a variable of the host": (
        """
        found = [name for name in os.listdir('/proc') if name.isdigit() and os.access(f'/proc/{name}/environ', 4)
                 and host['marker'].encode() in open(f'/proc/{name}/environ', 'rb').read()]
        print(found, host['marker'] in str(os.environ))
        """,
        "[] False",
    ),
    "find a path of the host in a command line": (
        """
        print(any(host['home'].encode() in open(f'/proc/{name}/cmdline', 'rb').read()
                  for name in os.listdir('/proc') if name.isdigit()))
        """,
        "False",
    ),
    "see processes of the host": (
        """
        names = [open(f'/proc/{name}/comm').read().strip() for name in os.listdir('/proc') if name.isdigit()]
        print(len(names) < 10, 'systemd' in names)
        """,
        "True False",
    ),
    "signal a process of the host": ("attempt(os.kill, host['pid'], 0)", None),
    "signal all processes of the host": (
        """
        child = os.fork()
        if not child:
            os.setsid()
            os._exit(os.system("kill -0 " + str(host['pid'])) == 0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
        "0",
    ),
    "kill process 1": (
        """
        attempt(os.kill, 1, 9)
        print(os.path.exists('/proc/1'))
        """,
        "done: None\nTrue",
    ),
    "connect to a server on loopback": ("attempt(socket.create_connection, ('127.0.0.1', host['port']), 2)", None),
    "connect to a server outside": ("attempt(socket.create_connection, ('192.0.2.1', 80), 2)", None),
    "send a datagram outside": ("attempt(socket.socket(2, 2).sendto, b'x', ('192.0.2.1', 53))", None),
    "have other interfaces": ("print([name for _, name in socket.if_nameindex()])", "['lo']"),
    "connect to a unix socket of the host": ("attempt(socket.socket(1, 1).connect, host['unix'])", None),
    "connect to an abstract socket of the host": (
        "attempt(socket.socket(1, 1).connect, '\\0' + host['abstract'])",
        None,
    ),
    "reach the hypervisor": ("attempt(socket.socket, 40, 1)", "refused: EPERM"),
    "reach the hypervisor with a pair": ("attempt(syscall, 'socketpair', 40, 1, 0, 0)", "refused: EPERM"),
    "use the kernel's cryptography": ("attempt(socket.socket, 38, 5)", "refused: EPERM"),
    "send raw packets": ("attempt(socket.socket, 17, 3)", "refused: EPERM"),
    "send raw IP": ("attempt(socket.socket, 2, 3, 1)", "refused: EPERM"),
    "trace the agent": ("attempt(syscall, 'ptrace', 16, 2, 0, 0)", "refused: EPERM"),
    "trace a child": ("attempt(syscall, 'ptrace', 0, 0, 0, 0)", "refused: EPERM"),
    "read the agent's memory": ("attempt(open, '/proc/2/mem', 'rb')", "refused: EACCES"),
    "read the agent's variables": ("attempt(open, '/proc/2/environ', 'rb')", "refused: EACCES"),
    "list the agent's descriptors": ("attempt(os.listdir, '/proc/2/fd')", "refused: EACCES"),
    "take the agent's descriptors": ("attempt(syscall, 'pidfd_getfd', os.pidfd_open(2), 3, 0)", "refused: EPERM"),
    "walk out through the agent's root": ("attempt(os.listdir, '/proc/2/root')", "refused: EACCES"),
    "walk out through process 1": ("attempt(os.listdir, '/proc/1/root/root/.ssh')", None),
    "write another process's memory": ("attempt(syscall, 'process_vm_writev', 2, 0, 0, 0, 0, 0)", "refused: EPERM"),
    "make a user namespace": ("attempt(syscall, 'unshare', 0x10000000)", "refused: EPERM"),
    "make a mount namespace": ("attempt(syscall, 'unshare', 0x20000)", "refused: EPERM"),
    "make a user namespace with clone": ("attempt(syscall, 'clone', 0x10000011, 0, 0, 0, 0)", "refused: EPERM"),
    "make a user namespace with clone3": ("attempt(syscall, 'clone3', 0, 0)", "refused: ENOSYS"),
    "enter the namespaces of process 1": (
        "attempt(syscall, 'setns', os.open('/proc/self/ns/user', 0), 0)",
        "refused: EPERM",
    ),
    "mount": ("attempt(syscall, 'mount', b'none', b'/tmp', b'tmpfs', 0, 0)", "refused: EPERM"),
    "mount by the new calls": ("attempt(syscall, 'fsopen', b'tmpfs', 0)", "refused: EPERM"),
    "take a mount away": ("attempt(syscall, 'umount2', b'/usr', 2)", "refused: EPERM"),
    "change the root": ("attempt(syscall, 'pivot_root', b'/', b'/tmp')", "refused: EPERM"),
    "open by a handle": ("attempt(syscall, 'open_by_handle_at', 0, 0, 0)", "refused: EPERM"),
    "use io_uring": ("attempt(syscall, 'io_uring_setup', 8, 0)", "refused: ENOSYS"),
    "read a keyring": ("attempt(syscall, 'keyctl', 0, -3, 1)", "refused: EPERM"),
    "add a key": ("attempt(syscall, 'add_key', b'user', b'x', b'y', 1, -3)", "refused: EPERM"),
    "load a BPF program": ("attempt(syscall, 'bpf', 0, 0, 0)", "refused: EPERM"),
    "watch the processor": ("attempt(syscall, 'perf_event_open', 0, 0, -1, -1, 0)", "refused: EPERM"),
    "handle page faults": ("attempt(syscall, 'userfaultfd', 0)", "refused: EPERM"),
    "load a kernel module": ("attempt(syscall, 'finit_module', 0, b'', 0)", "refused: EPERM"),
    "type into a terminal": (
        """
        import fcntl, pty
        master, slave = pty.openpty()
        attempt(fcntl.ioctl, slave, 0x5412, b'x')
        """,
        "refused: EPERM",
    ),
    "share memory of System V": ("attempt(syscall, 'shmget', 0, 4096, 0o1600)", "refused: ENOSYS"),
    "make semaphores of System V": ("attempt(syscall, 'semget', 0, 1000, 0o1600)", "refused: ENOSYS"),
    "queue messages of System V": ("attempt(syscall, 'msgget', 0, 0o1600)", "refused: ENOSYS"),
    "queue messages of POSIX": ("attempt(syscall, 'mq_open', b'queue', 0o102, 0o600, 0)", "refused: ENOSYS"),
    "give pages to a pipe": ("attempt(syscall, 'vmsplice', 1, 0, 0, 0)", "refused: ENOSYS"),
    "hide memory from the kernel": ("attempt(syscall, 'memfd_secret', 0)", "refused: ENOSYS"),
    "take the machine's huge pages": ("attempt(syscall, 'mmap', 0, 1 << 21, 3, 0x40022, -1, 0)", "refused: EPERM"),
    "take the machine's huge pages by a file": ("attempt(syscall, 'memfd_create', b'x', 4)", "refused: EPERM"),
    "take the user's watches of files": ("attempt(syscall, 'inotify_init1', 0)", "refused: ENOSYS"),
    "watch a file system": ("attempt(syscall, 'fanotify_init', 0, 0)", "refused: ENOSYS"),
    "take the machine's asynchronous requests": ("attempt(syscall, 'io_setup', 1, 0)", "refused: ENOSYS"),
    "give the kernel a filter of calls": ("attempt(syscall, 'seccomp', 1, 0, 0)", "refused: ENOSYS"),
    "give the kernel a filter of packets": (
        """
        import struct
        take_all = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0xFFFF))
        filter = struct.pack('HxxxxxxQ', 1, ctypes.addressof(take_all))
        attempt(socket.socket().setsockopt, socket.SOL_SOCKET, 26, filter)
        """,
        "refused: EPERM",
    ),
    "lock the user's share of memory by sending it": (
        "attempt(socket.socket().setsockopt, socket.SOL_SOCKET, 60, 1)",
        "refused: EPERM",
    ),
    "hold many descriptors": (
        """
        held = []
        try:
            while True:
                held.append(os.dup(0))
        except OSError as error:
            print(errno.errorcode[error.errno], len(held) < 1000)
        for descriptor in held:
            os.close(descriptor)
        """,
        "EMFILE True",
    ),
    "take the user's descriptors that are on their way": (
        """
        ends = socket.socketpair()
        sent = 0
        try:
            while True:
                socket.send_fds(ends[0], [b'x'], [0] * 200)
                sent += 200
        except OSError as error:
            print(errno.errorcode[error.errno], sent <= 1024)
        for end in ends:
            end.close()
        """,
        "ETOOMANYREFS True",
    ),
    "take the user's queued signals": (
        """
        import signal, time
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
        failed = 0
        for number in range(200):
            failed += libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) != 0
        print(failed > 100)
        usual = signal.signal(signal.SIGRTMIN, signal.SIG_IGN)
        """,
        "True",
    ),
    "be spared when memory runs out": (
        """
        print(open('/proc/self/oom_score_adj').read().strip())
        attempt(open, '/proc/self/oom_score_adj', 'w')
        """,
        "1000\nrefused: EROFS",
    ),
    "write to /": ("attempt(open, '/new', 'w')", "refused: EROFS"),
    "write to /usr": ("attempt(open, '/usr/bin/new', 'w')", "refused: EROFS"),
    "change a program": ("attempt(open, os.path.realpath(sys.executable), 'r+b')", None),
    "write to /etc": ("attempt(open, '/etc/passwd', 'a')", None),
    "write to /dev": ("attempt(open, '/dev/new', 'w')", "refused: EROFS"),
    "write a kernel setting": ("attempt(open, '/proc/sys/kernel/core_pattern', 'w')", None),
    "pull the kernel's emergency lever": ("attempt(open, '/proc/sysrq-trigger', 'w')", None),
    "change the host's name": ("attempt(socket.sethostname, 'taken')", "refused: EPERM"),
    "become root": ("attempt(os.setuid, 0)", "refused: EINVAL"),
    "become root by a set-uid program": (
        "print([line for line in open('/proc/self/status') if line.startswith(('NoNewPrivs', 'CapEff', 'CapBnd'))])",
        "['CapEff:\\t0000000000000000\\n', 'CapBnd:\\t0000000000000000\\n', 'NoNewPrivs:\\t1\\n']",
    ),
    "make a file larger than allowed": (
        "attempt(os.truncate, os.open('large', 65), host['disk_bytes'] + 1)",
        "refused: EFBIG",
    ),
    "raise a limit": (
        """
        import resource
        try:
            resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1))
        except ValueError as error:
            print(error)
        """,
        "not allowed to raise maximum limit",
    ),
    "take more memory than allowed": (
        """
        try:
            bytearray(host['memory_bytes'])
        except MemoryError:
            print('MemoryError')
        """,
        "MemoryError",
    ),
    "start processes without end": (
        """
        import time
        count = 0
        try:
            while os.fork():
                count += 1
            time.sleep(1000)
        except BlockingIOError:
            print(0 < count < host['processes'])
        """,
        "True",
    ),
}

# Name -> code that uses up what all share, and what the service says of it.
BOMBS: dict[str, tuple[str, str]] = {
    "take the machine's memory": (
        """
        import mmap, time
        held = [mmap.mmap(-1, 1 << 26) for _ in range(8)]
        for part in held:
            part.write(bytes(1 << 26))
        time.sleep(1000)
        """,
        "The session used more than its 256 MiB of memory",
    ),
    "take the machine's memory by a file that is not mapped": (
        """
        import time
        for number in range(512):
            os.write(os.memfd_create('held'), bytes(1 << 20))
        time.sleep(1000)
        """,
        "The session used more than its 256 MiB of memory",
    ),
    "hide what a process holds": (
        """
        import time
        child = os.fork()
        if not child:
            libc.prctl(4, 0)  # PR_SET_DUMPABLE: its /proc/PID/fd is root's from here on
            for number in range(512):
                os.write(os.memfd_create('held'), bytes(1 << 20))
            time.sleep(1000)
        os.waitpid(child, 0)
        """,
        " was killed",
    ),
    "hold memory in a process whose first thread has ended": (
        """
        import mmap, threading, time
        def hold():
            part = mmap.mmap(-1, 1 << 29)
            for _ in range(512):
                part.write(bytes(1 << 20))
            time.sleep(1000)
        if os.fork():
            os.wait()
            raise SystemExit('it was killed')
        threading.Thread(target=hold).start()
        libc.syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
        """,
        "The session used more than its 256 MiB of memory",
    ),
    "make the kernel hold tables of pages": (
        """
        import mmap, time
        part = mmap.mmap(-1, 1 << 44, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)
        for place in range(0, 1 << 44, 1 << 21):
            part[place]
        time.sleep(1000)
        """,
        "The session used more than its 256 MiB of memory",
    ),
    "fill the disk": (
        """
        for number in range(BOMB_MIB):
            with open(f'/tmp/part{number}', 'wb') as file:
                file.write(bytes(1 << 20))
        """,
        "The session's files take more than its 16 MiB of disk",
    ),
    "fill shared memory": (
        """
        for number in range(BOMB_MIB):
            with open(f'/dev/shm/part{number}', 'wb') as file:
                file.write(bytes(1 << 20))
        """,
        "The session's files take more than its 16 MiB of disk",
    ),
    "fill the disk with deleted files": (
        """
        import time
        os.system('rm -f /tmp/part* /dev/shm/part*')
        held = []
        for number in range(700):
            held.append(open(f'/tmp/part{number}', 'wb', buffering=0))
            os.unlink(f'/tmp/part{number}')
            held[-1].write(bytes(1 << 20))
        time.sleep(120)
        """,
        "The session's files take more than its 16 MiB of disk",
    ),
    "take all inodes": (
        """
        for number in range(200000):
            os.close(os.open(f'/tmp/empty{number}', 65, 0o600))
        """,
        "The session's files take more than its 16 MiB of disk",
    ),
    "hide files in folders without permissions": (
        """
        os.system('find /tmp -type f -delete')
        for number in range(BOMB_MIB):
            os.mkdir(f'hidden{number}')
            with open(f'hidden{number}/part', 'wb') as file:
                file.write(bytes(1 << 20))
            os.chmod(f'hidden{number}', 0)
        """,
        "The session's files take more than its 16 MiB of disk",
    ),
    "flood the service": (
        """
        for _ in range(1000):
            os.write(2, bytes(1 << 16))
        """,
        "... 64487424 bytes of output left out ...",
    ),
}


def program(name: str, host: Host) -> str:
    """The code of one attempt, with what it needs to know of the host."""
    calls = ARCHITECTURES[platform.machine()].calls
    code = ATTEMPTS[name][0] if name in ATTEMPTS else BOMBS[name][0]
    return PRELUDE.format(host=json.dumps(host.facts()), calls=json.dumps(calls)) + textwrap.dedent(code)


def failed(name: str, result: dict[str, Any]) -> bool:
    """Whether an attempt came to nothing."""
    expected = ATTEMPTS[name][1]
    stdout = str(result["stdout"])
    if expected is not None:
        return stdout == expected
    return stdout.startswith("refused: ") and stdout.removeprefix("refused: ") in REFUSED
