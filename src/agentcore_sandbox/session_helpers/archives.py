"""A work folder as one archive, tar and gzip: made inside the session, unpacked there, and checked on both sides.

Nothing but files and folders with plain names below the work folder is in one.
"""

from __future__ import annotations

import errno
import fnmatch
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
import zlib
from typing import Any, Iterator

from agentcore_sandbox.session_helpers.files import MOST_ENTRIES, MOST_LEVELS, OWN, _Blocks, _check_free, _publish

LONGEST_NAME = 255  # bytes
LONGEST_HEADER = 64 << 10  # bytes of what tells a long name or the like
MOST_TOLD = 1000
LONGEST_TAIL = 1 << 20  # bytes after the end, which programs pad
PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
REFUSED = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class BadArchiveError(Exception):
    """Why an archive is not taken."""


class _Member(tarfile.TarInfo):
    """A header that is judged before `tarfile` reads what belongs to it into memory, or goes backwards."""

    def _proc_member(self, archive: Any) -> Any:
        if self.size < 0 or (self.type not in PLAIN and self.size > LONGEST_HEADER):
            raise BadArchiveError("a header is too long, or has no valid size")
        return super()._proc_member(archive)  # type: ignore[misc]


def members(file: Any, most: int) -> Iterator[tuple[tarfile.TarInfo, str, Any]]:
    """Yield each member of an archive with its path, and its content if it is a file; the whole of it is checked.

    Args:
        file: The archive, read once from the beginning.
        most: Bytes that all files together may have.

    Raises:
        BadArchiveError: It is damaged, too large, or holds something else than files and folders of a work folder.
    """
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as plain:
            with tarfile.open(fileobj=plain, mode="r|", tarinfo=_Member, encoding="utf-8") as archive:
                yield from _checked(archive, most)
            tail = plain.read(LONGEST_TAIL + 1)  # also compares the checksum, which is at the very end
    except (tarfile.TarError, EOFError, OSError, zlib.error, RecursionError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk
            raise
        raise BadArchiveError(f"it is damaged, or no archive of tar and gzip: {error}") from None
    if len(tail) > LONGEST_TAIL or tail.strip(b"\0"):
        raise BadArchiveError("there is something behind its end")


def _checked(archive: Any, most: int) -> Iterator[tuple[tarfile.TarInfo, str, Any]]:
    kinds: dict[str, bool] = {"": True}  # path -> whether it is a folder
    left = most
    for member in archive:
        path = _path(member)
        if not path and member.isdir():
            continue  # the work folder itself
        left -= member.size
        if member.size < 0 or left < 0 or len(kinds) > MOST_ENTRIES:
            raise BadArchiveError(f"it holds more than {most} bytes or {MOST_ENTRIES} files and folders")
        _place(kinds, path, is_folder=member.isdir())
        yield member, path, None if member.isdir() else archive.extractfile(member)


def _path(member: tarfile.TarInfo) -> str:
    """Its path below the work folder; empty for that itself."""
    shown = ascii(member.name[:200])
    if member.type not in PLAIN or member.sparse is not None:
        kind = "a sparse file" if member.type in PLAIN else REFUSED.get(member.type, "of an unknown kind")
        raise BadArchiveError(f"{shown} is {kind}; only files and folders are taken")
    path = member.name[2:] if member.name.startswith("./") else member.name
    parts = [] if path in ("", ".") else path.rstrip("/").split("/")
    if not all(map(_is_plain, parts)) or len(parts) > MOST_LEVELS or parts[:1] == [OWN]:
        raise BadArchiveError(f"{shown} is not a path inside a work folder")
    return "/".join(parts)


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and "\0" not in name and len(os.fsencode(name)) <= LONGEST_NAME


def _place(kinds: dict[str, bool], path: str, *, is_folder: bool) -> None:
    """Note what a path is, and the folders above it; refuse what is there twice."""
    above = path.rpartition("/")[0]
    missing = []
    while above not in kinds:
        missing.append(above)
        above = above.rpartition("/")[0]
    if not kinds[above] or (path in kinds and not (is_folder and kinds[path])):
        raise BadArchiveError(f"{path[:200]!a} is there twice, or in place of a folder")
    kinds.update(dict.fromkeys(missing, True))
    kinds[path] = is_folder


def save(request: Any) -> Any:
    """Write the work folder into the `archive`, but for what a pattern of `exclude` names; at most so `many` bytes.

    Tell what was left out, some of it where that is much: [path, why].
    """
    os.makedirs(os.path.dirname(request["archive"]), exist_ok=True)
    count = size = 0
    skipped: dict[str, str] = {}
    descriptor = os.open(request["archive"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file, gzip.GzipFile("", "wb", 1, file, 0) as packed, _writer(packed) as archive:
        for path, status in _inside(request["exclude"], skipped):
            _add(archive, path, status)
            count += 1
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
            if size > request["most"] or count > MOST_ENTRIES:
                text = f"the work folder holds more than {request['most']} bytes or {MOST_ENTRIES} files"
                raise OSError(errno.E2BIG, text, path)
    return sorted(skipped.items())[:MOST_TOLD]


def _writer(file: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT, encoding="utf-8")


def _inside(exclude: list[str], skipped: dict[str, str]) -> Iterator[tuple[str, os.stat_result]]:
    """All files and folders, each folder before what is in it."""
    waiting = [name for name in sorted(os.listdir("."), reverse=True) if name != OWN]
    while waiting:
        path = waiting.pop()
        status = os.lstat(path)
        if _is_excluded(path, exclude):
            continue
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            skipped[path] = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "neither a file nor a folder"
            continue
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            if path.count("/") + 2 > MOST_LEVELS:
                raise OSError(errno.ENAMETOOLONG, f"it has more than {MOST_LEVELS} levels of folders", path)
            waiting += [os.path.join(path, name) for name in sorted(os.listdir(path), reverse=True)]


def _is_excluded(path: str, patterns: list[str]) -> bool:
    """A pattern with a slash is for the whole path, any other for the name."""
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatchcase(path if "/" in pattern else name, pattern.rstrip("/")) for pattern in patterns)


def _add(archive: Any, path: str, status: os.stat_result) -> None:
    """Add a file or a folder: its permissions and time, nobody's name, and never as a link to one before."""
    member = tarfile.TarInfo(path)
    member.mode, member.mtime = stat.S_IMODE(status.st_mode) & 0o777, int(status.st_mtime)
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
        return
    member.size = status.st_size
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
        archive.addfile(member, file)


def restore(request: Any) -> Any:
    """Unpack the archive that the parts in the `staging` folder make, once all of it is checked."""
    try:
        return _restore(request)
    except BadArchiveError as error:
        raise OSError(errno.EINVAL, f"the archive is not taken: {error}") from None
    finally:
        shutil.rmtree(request["staging"], ignore_errors=True)


def _restore(request: Any) -> Any:
    staging, most = request["staging"], request["most"]
    parts = [os.path.join(staging, f"part-{number}") for number in range(request["parts"])]
    if _digest_of(parts) != request["sha256"]:
        raise OSError(errno.EIO, "a part of the archive is missing or damaged")
    found = [(path, member) for member, path, _ in members(_Blocks(list(parts)), most)]
    for path, member in found:
        _check_target(path, folder=member.isdir(), force=request["force"])
    tree = os.path.join(staging, "tree")
    os.makedirs(tree)
    written = []
    for number, (member, path, content) in enumerate(members(_Blocks(list(parts)), most)):
        if content is not None:
            written.append((os.path.join(tree, str(number)), path))
            with open(written[-1][0], "xb") as file:
                shutil.copyfileobj(content, file)
            os.chmod(written[-1][0], member.mode & 0o777)
    folders = [(path, member.mode & 0o777) for path, member in found if member.isdir()]
    for path, _ in folders:
        os.makedirs(path, exist_ok=True)
    for temporary, path in written:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        _publish(temporary, path, force=request["force"])
    for path, mode in reversed(folders):
        os.chmod(path, mode)
    return True


def _check_target(path: str, *, folder: bool, force: bool) -> None:
    """Refuse a way through a link of the session, and to replace what is there."""
    above = os.path.dirname(path)
    if os.path.realpath(above or ".") != os.path.join(os.path.realpath("."), above).rstrip("/"):
        raise OSError(errno.ELOOP, "a symbolic link is on the way", path)
    if folder and os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
        raise FileExistsError(errno.EEXIST, "it is there and no folder", path)
    if not folder and (os.path.isdir(path) or not force):
        _check_free(path)


def _digest_of(paths: list[str]) -> str:
    sha, blocks = hashlib.sha256(), _Blocks(list(paths))
    for block in iter(lambda: blocks.read(1 << 20), b""):
        sha.update(block)
    return sha.hexdigest()


OPERATIONS = {"save": save, "restore": restore}
