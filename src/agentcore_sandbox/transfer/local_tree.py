"""Files of this machine: which are sent, and where what comes back may be written.

What the sandbox says is hostile. Its names may not leave the target folder, by `..`, by an absolute path or through a
symbolic link; a file gets its name only when it is whole, and never that of another file without leave.
"""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_NAME = 255  # bytes, the limit of the usual file systems
DEFAULT_FILE_MODE = 0o644
_PERMISSIONS = 0o777
_WINDOWS = os.name == "nt"
_FORBIDDEN = set("\0/") | (set('\\:*?"<>|') if _WINDOWS else set())


@dataclass(frozen=True)
class Source:
    """One file or folder to send.

    Attributes:
        path: Where it is; None for standard input.
        parts: Its name below the place that it is copied to; empty for that place itself.
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


def walk(root: Path, skipped: list[str]) -> Iterator[Source]:
    """A file, or a folder and all in it. Links inside a folder are not followed: they may lead anywhere.

    Args:
        root: The file or folder, a link to one included.
        skipped: Takes the paths of links and of what is neither file nor folder.
    """
    yield _source(root, (), root.stat())
    if root.is_dir():
        yield from _inside(root, (), skipped)


def _inside(folder: Path, parts: tuple[str, ...], skipped: list[str]) -> Iterator[Source]:
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            yield _source(path, (*parts, path.name), status)
            yield from _inside(path, (*parts, path.name), skipped)
        elif stat.S_ISREG(status.st_mode):
            yield _source(path, (*parts, path.name), status)
        else:
            skipped.append(str(path))


def _source(path: Path, parts: tuple[str, ...], status: os.stat_result) -> Source:
    is_folder = stat.S_ISDIR(status.st_mode)
    size = 0 if is_folder else status.st_size
    return Source(path, parts, is_folder, stat.S_IMODE(status.st_mode) & _PERMISSIONS, size)


@dataclass(frozen=True)
class Place:
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
    def above(self) -> Place:
        """The folder that it is in."""
        return Place(self.base, self.parts[:-1])

    def check(self, *, folder: bool, force: bool) -> None:
        """Check that it may be written, before anything is.

        Raises:
            AgentcoreSandboxError: `FileExists`, or `UnsafePath` for a way through a link.
        """
        self._check_way()
        if not os.path.lexists(self.path):
            return
        is_folder = self.path.is_dir() and (not self.path.is_symlink() or not self.parts)
        is_file = self.path.is_symlink() or self.path.is_file()  # and no device, which must not be replaced
        if not (is_folder if folder else is_file):
            kind = "a folder" if is_folder else "no folder" if folder else "no file"
            raise AgentcoreSandboxError("FileExists", f"{self.path} exists and is {kind}", "choose another target")
        if not folder and not force:
            raise exists(self.path)

    def make_folder(self) -> list[Path]:
        """Make the folder and those above it; returns those that were not there, the highest first."""
        self._check_way()
        missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise local_failure(self.path, error) from None
        return missing[::-1]

    def _check_way(self) -> None:
        for count in range(1, len(self.parts)):
            if (above := self.base.joinpath(*self.parts[:count])).is_symlink():
                hint = "remove the link, or choose another target; nothing is written through a link"
                raise AgentcoreSandboxError("UnsafePath", f"{above} is a symbolic link", hint)


class PartialFile:
    """A file that comes in piece by piece, under a temporary name beside its final one.

    Args:
        place: Where it will be.
        mode: Permissions, less those that the umask takes.
    """

    def __init__(self, place: Place, mode: int) -> None:
        self.place = place
        self._mode = permitted(mode)
        self._sha = hashlib.sha256()
        self._path = place.path.with_name(f".{uuid.uuid4().hex[:12]}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb")
        except OSError as error:
            raise local_failure(self._path, error) from None

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, hexadecimal."""
        return self._sha.hexdigest()

    def write(self, data: bytes) -> None:
        """Append."""
        try:
            self._file.write(data)
        except OSError as error:
            raise local_failure(self.place.path, error) from None
        self._sha.update(data)

    def close(self) -> None:
        """Write out what is buffered; more may not follow."""
        try:
            self._file.close()
        except OSError as error:
            raise local_failure(self.place.path, error) from None

    def publish(self, *, force: bool) -> None:
        """Give it its name.

        Raises:
            AgentcoreSandboxError: `FileExists`: another file got that name meanwhile.
        """
        self.place.check(folder=False, force=force)
        try:
            self._path.chmod(self._mode)
            (Path.replace if force else _give_free_name)(self._path, self.place.path)
        except OSError as error:
            raise local_failure(self.place.path, error) from None

    def discard(self) -> None:
        """Remove what there is, unless it was published."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


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
    if name in ("", ".", "..") or _FORBIDDEN & set(name) or (_WINDOWS and name[-1] in " ."):
        return False
    try:
        return len(os.fsencode(name)) <= LONGEST_NAME
    except UnicodeEncodeError:
        return False


def targets(destination: str, names: Sequence[str]) -> list[Place]:
    """Where copies with these names go.

    Args:
        destination: A folder that they go into, or the new name of the only one.
        names: Of each copy; empty where a folder's contents are meant.
    """
    into_folder = len(names) > 1 or destination.endswith(("/", os.sep)) or Path(destination).is_dir()
    if not into_folder and names != [""]:
        path = Path(destination)
        return [Place(path.parent, (path.name,))]
    return [Place(Path(destination), safe_parts(name)) for name in names]


def local_failure(path: Path, error: OSError) -> AgentcoreSandboxError:
    """A failure of this machine's file system as an error of ours."""
    return AgentcoreSandboxError("LocalFile", f"{path}: {error.strerror or error}", "nothing was left half-written")


def _give_free_name(path: Path, name: Path) -> None:
    """Rename, but not over what another process has made there meanwhile."""
    try:
        # Windows renames so by itself; elsewhere only a link does not replace.
        path.rename(name) if _WINDOWS else name.hardlink_to(path)
    except FileExistsError:
        raise exists(name) from None
    except OSError:  # a file system without hard links
        path.replace(name)
    else:
        path.unlink(missing_ok=True)


def exists(path: Path) -> AgentcoreSandboxError:
    """The error for a file that is there and may not be replaced."""
    return AgentcoreSandboxError("FileExists", f"{path} exists", "add --force to replace it")


def permitted(mode: int) -> int:
    """The permissions of a mode from the sandbox, less those that the umask takes."""
    current = os.umask(0)
    os.umask(current)
    return mode & _PERMISSIONS & ~current


def check_unique(places: Sequence[Place]) -> None:
    """Refuse two files with one name.

    Raises:
        AgentcoreSandboxError: `UnsafePath`.
    """
    seen: set[Path] = set()
    for place in places:
        if place.path in seen:
            hint = "copy them one by one, to names of their own"
            raise AgentcoreSandboxError("UnsafePath", f"two files would be {place.path}", hint)
        seen.add(place.path)
