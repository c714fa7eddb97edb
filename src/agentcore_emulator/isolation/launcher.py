"""Starting sandboxes: one bwrap with its agent each, on one thread; and what killed ones have left.

`bwrap --die-with-parent` watches the thread that started it, not the process: started by a request's thread, a
sandbox would die with that thread. As root this thread has a mount namespace of its own, too: sandboxes are started
without root's rights, so what they need of folders such as /root is mounted where anybody may go.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import io
import itertools
import json
import marshal
import os
import signal
import stat
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from agentcore_emulator import sandbox_runtime
from agentcore_emulator.agent import processes
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.isolation import bubblewrap, python, seccomp
from agentcore_emulator.resources.usage import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from agentcore_emulator.isolation.bubblewrap import Bubblewrap

Result = TypeVar("Result")

UNPRIVILEGED = 65534
"""`nobody`: the kernel enforces a limit on processes for every user but root."""
STAGE = Path("/sys")
"""Always there to be mounted on, and nothing that a sandbox needs is ever in it."""
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_SLAVE, MNT_DETACH = 0x1000, 0x4000, 0x80000, 2
AGENT_PACKAGE = "agentcore_agent"
LANDLOCK_VERSION, LANDLOCK_WITH_SCOPES = 1, 6
UNCHECKED = (1).to_bytes(4, "little") + bytes(8)
"""The header after the magic number of a .pyc file that is never checked against its source (PEP 552)."""


@dataclass(frozen=True)
class Contents:
    """What a sandbox has of the host: the session's folder, `programs` at the same paths inside, a number of `cpus`.

    `mounts` has more folders by their paths inside; `bundle` at most one file, the certificates that are trusted.
    """

    session: Path
    programs: list[str]
    network: bool
    cpus: int
    mounts: Mapping[str, Path] = field(default_factory=dict)
    bundle: Mapping[str, bytes] = field(default_factory=dict)


def make_folders(session: Path) -> None:
    """Make what a sandbox finds in its session's folder, owned by the user whom it runs as."""
    for name in bubblewrap.WRITABLE:
        (session / name).mkdir(mode=0o700)
    (session / "tmp").chmod(0o1777)
    (session / "shm").chmod(0o1777)
    if _is_root():
        for path in (session, *session.iterdir()):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)


def make_mount(folder: Path) -> None:
    """Make a folder that sandboxes mount, for the user whom they run as, or accept one.

    Raises:
        OSError: It cannot be made, or is a link or a file.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if _is_root():
            os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
    os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW))


def launch(
    bwrap: Bubblewrap, contents: Contents, channel: int, agent: dict[str, Any], complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start bwrap with an agent, which gets its end of the `channel` and its options; may raise OSError.

    `complaints` takes what bwrap says, and an agent that cannot start.
    """
    return _on_starter_thread(lambda: _launch(bwrap, contents, channel, agent, complaints))


def clear_up(session: Path) -> None:
    """Release the session's folder when its sandbox has started, or has not."""
    _on_starter_thread(lambda: _unstage(str(session)))


def _launch(
    bwrap: Bubblewrap, contents: Contents, channel: int, agent: dict[str, Any], complaints: IO[bytes]
) -> subprocess.Popen[bytes]:
    interpreter = python.find()
    program = _staged(bwrap.path, bwrap.folder)
    start = [interpreter.executable, "-I", "-S", "-c", agent_code("main"), str(channel), json.dumps(agent)]
    files = {**_own_files(), **contents.bundle}
    with contextlib.ExitStack() as stack:
        inside = {path: stack.enter_context(_memory(content)) for path, content in files.items()}
        calls = stack.enter_context(_memory(seccomp.program(unix_sockets=not contents.network or can_scope_sockets())))
        options = bubblewrap.options(
            interpreter, _paths(interpreter, contents), inside, calls, network=contents.network
        )
        # Not as arguments: process 1 of the sandbox would show them, with paths of the host, to everybody inside.
        listed = stack.enter_context(_memory("\0".join([*options, ""]).encode()))
        stack.enter_context(_processors(contents.cpus))
        stack.enter_context(_preferred_as_victim())
        descriptors = (*inside.values(), calls, listed, channel)
        return _process([program, "--args", str(listed), *start], descriptors, complaints)


def _paths(interpreter: python.PythonInstallation, contents: Contents) -> bubblewrap.Paths:
    folders = {folder: _stage(folder) for folder in interpreter.folders}
    programs = {path: _staged(Path(path), Path(path).parent) for path in contents.programs}
    mounts = {path: _stage(str(folder)) for path, folder in contents.mounts.items()}
    return bubblewrap.Paths(_stage(str(contents.session)), folders, programs, mounts, next(iter(contents.bundle), ""))


@contextlib.contextmanager
def _memory(content: bytes) -> Iterator[int]:
    """Provide a descriptor from which a child can read this content."""
    descriptor = os.memfd_create("sandbox")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _process(arguments: Sequence[str], descriptors: Sequence[int], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a program with these descriptors, no environment, and none of root's rights."""
    user: dict[str, Any] = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if _is_root() else {}
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=descriptors,
        env={},
        cwd="/",
        **user,
    )


@contextlib.contextmanager
def _processors(count: int) -> Iterator[None]:
    """Let this thread, and what it starts, run on `count` processors: every time on the next ones.

    The sandbox cannot choose others: the system call filter forbids it.
    """
    usual = os.sched_getaffinity(0)
    if count < len(usual):
        os.sched_setaffinity(0, set(itertools.islice(_turn(frozenset(usual)), count)))
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


@contextlib.contextmanager
def _preferred_as_victim() -> Iterator[None]:
    """When memory runs out let the kernel end what is started meanwhile, and not the host's processes.

    What is started cannot take this back: it has no right to, if root said so, and no /proc that it can write.
    """
    file = Path("/proc/self/oom_score_adj")
    usual = file.read_text(encoding="ascii")
    file.write_text("1000", encoding="ascii")
    try:
        yield
    finally:
        file.write_text(usual, encoding="ascii")


@functools.cache
def _turn(processors: frozenset[int]) -> Iterator[int]:
    return itertools.cycle(sorted(processors))


def agent_code(module: str) -> str:
    """Return Python code that calls an agent module's `main` inside, with its arguments, each as JSON."""
    load = f"sys.path.insert(0, {bubblewrap.ARCHIVE!r}); from {AGENT_PACKAGE}.{module} import main; sys.path.pop(0)"
    return f"import json, sys; {load}; main(*map(json.loads, sys.argv[1:]))"


@functools.cache
def _own_files() -> dict[str, bytes]:
    """Return the content of each of our files by its path inside: nothing of the host has to be mounted for it."""
    script = resources.files("agentcore_emulator.agent") / "context.mjs"
    etc = {f"/etc/{name}": text.encode() for name, text in bubblewrap.ETC.items()}
    return {bubblewrap.ARCHIVE: _agent_archive(), bubblewrap.CONTEXT: script.read_bytes(), **etc}


def _agent_archive() -> bytes:
    """Return the modules as a zip file, each compiled too: an interpreter of the same version starts faster with it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in resources.files("agentcore_emulator.agent").iterdir():
            if file.name.endswith(".py"):
                path = f"{AGENT_PACKAGE}/{file.name}"
                source = file.read_bytes()
                archive.writestr(path, source)
                archive.writestr(f"{path}c", _compiled(source, path))
    return buffer.getvalue()


def _compiled(source: bytes, path: str) -> bytes:
    code = compile(source, path, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + marshal.dumps(code)


@functools.cache
def can_scope_sockets() -> bool:
    """Whether a sandbox that shares the host's network can keep its programs from the host's abstract unix sockets.

    The kernel does so for Landlock's domains since Linux 6.12; elsewhere such a sandbox has no named unix sockets.
    """
    return int(_libc().syscall(processes.LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION)) >= LANDLOCK_WITH_SCOPES


def _on_starter_thread(work: Callable[[], Result]) -> Result:
    """Do a short piece of work on the starter thread and return what it returns."""
    return _starter_thread().submit(work).result()


@functools.cache
def _starter_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-starter")


def _stage(path: str) -> str:
    """Return where a folder can be reached without root's rights."""
    if not _is_root() or _is_reachable(Path(path)) or not _has_own_mounts():
        return path  # as it is: AppArmor knows programs by their paths
    target = _stage_path(path)
    if not target.is_dir():
        target.mkdir()
        _mount(path, str(target), None, MS_BIND | MS_REC)
    return str(target)


def _staged(path: Path, folder: Path) -> str:
    """Return where a file can be reached that needs a folder above it."""
    return str(Path(_stage(str(folder))) / path.relative_to(folder))


def _unstage(path: str) -> None:
    """Undo `_stage`."""
    if _is_root() and _stage_path(path).is_dir():
        _libc().umount2(str(_stage_path(path)).encode(), MNT_DETACH)
        with contextlib.suppress(OSError):
            _stage_path(path).rmdir()


def _stage_path(path: str) -> Path:
    return STAGE / path.strip("/").replace("/", "%")


def _is_reachable(path: Path) -> bool:
    """Whether everybody may walk to this folder and read it."""
    status = path.stat()
    is_open = status.st_uid == UNPRIVILEGED or (status.st_mode & stat.S_IROTH and status.st_mode & stat.S_IXOTH)
    return bool(is_open) and all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def check_user() -> None:
    """Make sure that sandboxes can run as another user than root, for whom the kernel limits no processes.

    Raises:
        EmulatorError: `LocalSandboxUnavailable`: root's user namespace has no other user, as in Claude Code's sandbox.
    """
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    if _is_root() and not any(first <= UNPRIVILEGED < first + count for first, _, count in ranges):
        hint = "start this as an ordinary user, or use an interpreter on AWS"
        if sandbox_runtime.is_around(os.environ):
            hint = f"{sandbox_runtime.OUTSIDE}; or start Claude Code as an ordinary user; or use an interpreter on AWS"
        message = "the local sandbox cannot run here: root is the only user of this user namespace"
        raise EmulatorError("LocalSandboxUnavailable", message, hint)


def _is_root() -> bool:
    return os.geteuid() == 0


@functools.cache
def _has_own_mounts() -> bool:
    """Give this thread its own mount namespace; where root may not, paths stay as they are and may do."""
    if _libc().unshare(CLONE_NEWNS) != 0:
        return False
    _mount("none", "/", None, MS_SLAVE | MS_REC)
    _mount("tmpfs", str(STAGE), "tmpfs", 0)
    STAGE.chmod(0o755)
    return True


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    if _libc().mount(source.encode(), target.encode(), kind and kind.encode(), flags, None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def end_orphans() -> None:
    """Kill what a killed service may have left of sandboxes that were just starting.

    A bwrap that is killed in its first milliseconds leaves its child behind, process 1 of the sandbox to be, which
    waits for it for ever: `--die-with-parent` comes later.
    """
    for process in find_orphans():
        process.send(signal.SIGKILL)


def find_orphans() -> list[Process]:
    """Return this user's first processes of a sandbox whose bwrap is gone."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            process = Process.read(int(folder.name))
            if process and _is_first_of_ours(folder) and _name(process.parent) != "bwrap":
                found.append(process)
    return found


def _is_first_of_ours(folder: Path) -> bool:
    user = UNPRIVILEGED if _is_root() else os.geteuid()
    if folder.stat().st_uid != user or _name(int(folder.name)) != "bwrap":
        return False
    if AGENT_PACKAGE.encode() not in (folder / "cmdline").read_bytes():
        return False
    status = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines() if ":\t" in line)
    return status["NSpid"].split()[1:] == ["1"]


def _name(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
