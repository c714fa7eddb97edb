"""Files of this machine: which are sent, and where what comes back may be written.

What the sandbox says is hostile. Its names may not leave the target folder, by `..`, by an absolute path or through a
symbolic link; a file gets its name only when it is whole, and never that of another file without leave.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.atomic_files import publish
from agentcore_sandbox.cli import units
from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentcore_sandbox.atomic_files import StagingFolder

LONGEST_NAME = 255  # bytes, the limit of the usual file systems
DEFAULT_FILE_MODE = 0o644
PERMISSIONS = 0o777
MOST_LEVELS = 256
LINK, SPECIAL = "a symbolic link", "neither a file nor a folder"
"""Why something is not copied."""
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file. A device is one with any suffix, and whatever letters.
_WINDOWS_FORBIDDEN = frozenset('\\:*?"<>|').union(map(chr, range(32)))
_WINDOWS_DEVICE = r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\..*)?"
# What another file or folder with a longer name may be called too: `GIT~1` is often `.git`.
_WINDOWS_SHORT = r"[^.]{1,6}~[0-9]{1,6}(\.[^.]{0,3})?"


@dataclass(frozen=True)
class LocalEntry:
    """One file or folder to send.

    Attributes:
        path: Where it is; None for standard input.
        parts: Its name below what is copied; empty for that itself.
        is_folder: It is a folder.
        mode: Permissions.
        size: Bytes, 0 where that is not known before.
    """

    path: Path | None
    parts: tuple[str, ...]
    is_folder: bool = False
    mode: int = DEFAULT_FILE_MODE
    size: int = 0


def expand(pattern: str) -> list[str]:
    """The paths that a word of the command line names; a glob that the shell has left alone is expanded.

    Raises:
        UsageError: There are none.
    """
    if os.path.lexists(pattern):
        return [pattern]
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not found:
        raise UsageError(f"no such file: {pattern}", "nothing was copied")
    return found


def base_name(path: str) -> str:
    """The name that a copy gets in a folder; empty for a folder whose contents are meant (`.`, `folder/.`, `/`)."""
    name = path.replace(os.sep, "/").rstrip("/").rpartition("/")[2]
    return "" if name in ("", ".", "..") else name


def walk(root: Path, skipped: dict[str, str]) -> Iterator[LocalEntry]:
    """A file, or a folder and all in it. Links inside a folder are not followed: they may lead anywhere.

    Args:
        root: The file or folder, a link to one included.
        skipped: Takes the path of each link, and of what is neither file nor folder, and the reason.

    Raises:
        AgentcoreSandboxError: `LocalFile`: it cannot be looked at, is a device or a socket, or has more than
            `MOST_LEVELS` levels of folders.
    """
    status = root.stat()
    if not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        raise AgentcoreSandboxError("LocalFile", f"{root} is a device or a socket", "a stream can be copied from `-`")
    waiting = [_entry(root, (), status)]
    while waiting:
        entry = waiting.pop()
        yield entry
        if entry.path and entry.is_folder:
            with local_failures(entry.path):
                waiting += sorted(
                    _inside(entry.path, entry.parts, skipped), key=lambda inside: inside.parts, reverse=True
                )


def _inside(folder: Path, parts: tuple[str, ...], skipped: dict[str, str]) -> Iterator[LocalEntry]:
    if len(parts) == MOST_LEVELS:
        message = f"{folder}: there are more than {MOST_LEVELS} levels of folders"
        raise AgentcoreSandboxError("LocalFile", message, "pack the folder into an archive, and copy that")
    for path in folder.iterdir():
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
            yield _entry(path, (*parts, path.name), status)
        else:
            skipped[str(path)] = LINK if stat.S_ISLNK(status.st_mode) else SPECIAL


def _entry(path: Path, parts: tuple[str, ...], status: os.stat_result) -> LocalEntry:
    is_folder = stat.S_ISDIR(status.st_mode)
    size = 0 if is_folder else status.st_size
    return LocalEntry(path, parts, is_folder, stat.S_IMODE(status.st_mode) & PERMISSIONS, size)


@dataclass(frozen=True)
class Destination:
    """Where something from the sandbox is to be written.

    Attributes:
        base: A folder that the user has named; links on the way to it are the user's own.
        parts: The name below it, checked by `safe_parts`.
    """

    base: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.base.joinpath(*self.parts)

    @property
    def above(self) -> Destination:
        """The folder that it is in."""
        return Destination(self.base, self.parts[:-1])

    def below(self, relative: str) -> Destination:
        """A path below it that the sandbox gives; raises what `safe_parts` raises."""
        return Destination(self.base, (*self.parts, *safe_parts(relative)))

    def check(self, *, folder: bool, force: bool) -> None:
        """Check that it may be written, before anything is.

        Raises:
            AgentcoreSandboxError: `FileExists`, `LocalFile`, or `UnsafePath` for a way through a link.
        """
        with local_failures(self.path):
            self._check_way()
            if not os.path.lexists(self.path):
                return
            is_folder = self.path.is_dir() and (not self.path.is_symlink() or not self.parts)
            is_file = self.path.is_symlink() or self.path.is_file()  # and no device, which must not be replaced
        if not (is_folder if folder else is_file):
            kind = "a folder" if is_folder else "not a folder" if folder else "not a file"
            raise AgentcoreSandboxError("FileExists", f"{self.path} exists and is {kind}", "choose another target")
        if not folder and not force:
            raise _exists(self.path)

    def make_folder(self) -> list[Path]:
        """Make the folder and those above it; returns those that were not there, the highest first."""
        with local_failures(self.path):
            self._check_way()
            missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
        return missing[::-1]

    def _check_way(self) -> None:
        above = next((path for path in self.path.parents if os.path.lexists(path)), self.base)
        if not above.is_dir():
            raise AgentcoreSandboxError("FileExists", f"{above} exists and is not a folder", "choose another target")
        for count in range(1, len(self.parts)):
            if (above := self.base.joinpath(*self.parts[:count])).is_symlink():
                hint = "remove the link, or choose another target; nothing is written through a link"
                raise AgentcoreSandboxError("UnsafePath", f"{above} is a symbolic link", hint)


class IncomingFile:
    """A file that comes in piece by piece and has its name only when it is whole.

    Args:
        destination: Where it will be.
        mode: Permissions, less those that the umask takes.
        staging: Where it is until then.

    Attributes:
        digest: SHA-256 of what was written, hexadecimal, when it is closed.
    """

    def __init__(self, destination: Destination, mode: int, staging: StagingFolder) -> None:
        self._destination = destination
        self._path = destination.path
        self._mode = mode
        self._sha = hashlib.sha256()
        self.digest = ""
        with local_failures(self._path):
            self._temporary, self._file = staging.create()

    def write(self, data: bytes) -> None:
        """Append."""
        with local_failures(self._path):
            self._file.write(data)
        self._sha.update(data)

    def close(self) -> None:
        """Write out what is buffered, and let go of what writing needs: there may be many files."""
        with local_failures(self._path):
            self._file.close()
        self.digest = self._sha.hexdigest()
        del self._file, self._sha

    def publish(self, *, force: bool) -> None:
        """Give it its name.

        Raises:
            AgentcoreSandboxError: `FileExists`: another file got that name meanwhile.
        """
        self._destination.check(folder=False, force=force)
        with local_failures(self._path):
            try:
                publish(self._temporary, self._path, mode=self._mode, replace=force)
            except FileExistsError:
                raise _exists(self._path) from None


def safe_parts(path: str) -> tuple[str, ...]:
    """Split a path from the sandbox, below the folder that was asked for, into names.

    Raises:
        AgentcoreSandboxError: `UnsafePath`: it would lead out of the folder, or cannot be a name here.
    """
    parts = tuple(path.split("/")) if path else ()
    if not all(_is_safe(part) for part in parts):
        hint = "what runs in the session chose that name; nothing was written"
        raise AgentcoreSandboxError("UnsafePath", f"not a path inside the target folder: {path!r}", hint)
    return parts


def _is_safe(name: str) -> bool:
    if name in ("", ".", "..") or set("\0/") & set(name) or (os.name == "nt" and not is_windows_name(name)):
        return False
    try:
        return len(os.fsencode(name)) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False


def is_windows_name(name: str) -> bool:
    """Whether Windows makes a file of this name, and no device, stream or other file that it means as well."""
    is_other = any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in (_WINDOWS_DEVICE, _WINDOWS_SHORT))
    return not (_WINDOWS_FORBIDDEN & set(name) or name[-1:] in ("", " ", ".") or is_other)


def targets(destination: str, names: Sequence[str]) -> list[Destination]:
    """Where copies with these names go.

    Args:
        destination: A folder that they go into, or the new name of the only one.
        names: Of each copy; empty where a folder's contents are meant.
    """
    with local_failures(Path(destination)):
        into_folder = len(names) > 1 or destination.endswith(("/", os.sep)) or Path(destination).is_dir()
    if not into_folder and len(names) == 1 and names != [""]:
        path = Path(destination)
        return [Destination(path.parent, (path.name,))]
    return [Destination(Path(destination), safe_parts(name)) for name in names]


@contextmanager
def local_failures(path: Path) -> Iterator[None]:
    """Raise failures of this machine's file system as `LocalFile`."""
    try:
        yield
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise AgentcoreSandboxError("LocalFile", message, "nothing was left half-written") from None


def _exists(path: Path) -> AgentcoreSandboxError:
    """The error for a file that is there and may not be replaced."""
    return AgentcoreSandboxError("FileExists", f"{path} exists", "add --force to replace it")


def check_room(folder: Path, size: int) -> None:
    """Refuse what the disk of a folder has no room for.

    Raises:
        AgentcoreSandboxError: `LocalFile`.
    """
    with local_failures(folder):
        free = shutil.disk_usage(folder).free
    if size > free:
        message = f"{folder} has {units.size(free)} free, and the copy needs {units.size(size)}"
        raise AgentcoreSandboxError("LocalFile", message, "copy less, or to another disk; nothing was copied")


def check_unique(destinations: Sequence[Destination]) -> None:
    """Refuse two files with one name.

    Raises:
        AgentcoreSandboxError: `UnsafePath`.
    """
    seen: set[Path] = set()
    for destination in destinations:
        if destination.path in seen:
            hint = "copy them one at a time, to names of their own"
            raise AgentcoreSandboxError("UnsafePath", f"two files would both become {destination.path}", hint)
        seen.add(destination.path)
