"""What is done with files inside the session."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import shutil
import stat
import time
from typing import Any, Iterator

OWN = ".agentcore-sandbox"
MOST_LEVELS = 256
MOST_ENTRIES = 400_000
BLOCK = 1 << 20
STALE_SECONDS = 3600
KINDS = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))


def scan(request: Any) -> Any:
    """Find `patterns`; list each match, [path], and then what is in it, `depth` levels below it or all if that is null.

    An entry is [number of the match, path below it, kind, size, permissions, time].
    """
    _sweep()
    matches = [path for pattern in request["patterns"] for path in _expand(pattern)]
    rows: list[list[Any]] = [[path] for path in matches]
    for number, path in enumerate(matches):
        for entry in _walk(number, path, request["depth"]):
            rows.append(entry)
            if len(rows) > MOST_ENTRIES:
                text = f"there are more than {MOST_ENTRIES} files and folders; take its folders one by one"
                raise OSError(errno.E2BIG, text, path)
    return rows


def _expand(pattern: str, *, missing_ok: bool = False) -> list[str]:
    if os.path.lexists(pattern):
        return [pattern]
    found = sorted(path for path in glob.glob(pattern, recursive=True) if OWN not in path.split("/"))
    if not found and not missing_ok:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), pattern)
    return found


def _walk(number: int, root: str, depth: int | None) -> Iterator[list[Any]]:
    yield _entry(number, "", os.stat(root))
    waiting = [("", 0)] if os.path.isdir(root) and depth != 0 else []
    while waiting:
        relative, level = waiting.pop()
        if level == MOST_LEVELS:
            raise OSError(errno.ENAMETOOLONG, f"it has more than {MOST_LEVELS} levels of folders", root)
        for name in sorted(os.listdir(os.path.join(root, relative))):
            path = os.path.join(relative, name)
            if name == OWN:
                continue
            entry = _entry(number, path, os.lstat(os.path.join(root, path)))
            yield entry
            if entry[2] == "folder" and level + 1 != depth:
                waiting.append((path, level + 1))


def _entry(number: int, relative: str, status: os.stat_result) -> list[Any]:
    kind = next((name for test, name in KINDS if test(status.st_mode)), "other")
    size = status.st_size if kind == "file" else 0
    return [number, relative, kind, size, stat.S_IMODE(status.st_mode) & 0o777, status.st_mtime]


def look(request: Any) -> Any:
    """Tell of each path what it is, or null where there is nothing."""
    _sweep()
    return [_kind(path) for path in request["paths"]]


def _kind(path: str) -> str | None:
    if not os.path.lexists(path):
        return None
    return "folder" if os.path.isdir(path) else "file"


def _sweep() -> None:
    """Remove what clients have left, killed ones above all; jobs stay."""
    for kind in ("transfer", "request", "answer", "delta", "stdin"):
        for path in glob.glob(os.path.join(OWN, f"{kind}-*")):
            with contextlib.suppress(OSError):  # another client sweeps too
                if time.time() - os.lstat(path).st_mtime > STALE_SECONDS:
                    _remove(path)


def unpack(request: Any) -> Any:
    """Make `files` of the parts in the `staging` folder."""
    if not request["force"]:
        for path, *_ in request["files"]:
            _check_free(path)
    for path, _ in request["folders"]:
        os.makedirs(path, exist_ok=True)
    written: list[tuple[str, str]] = []
    try:
        _assemble_all(request, written)
        for temporary, path in written:
            with _naming(path):
                _publish(temporary, path, force=request["force"])
    finally:
        for temporary, _ in written:
            _remove(temporary)
    for path, mode in reversed(request["folders"]):
        os.chmod(path, mode)
    shutil.rmtree(request["staging"], ignore_errors=True)
    return True


def _check_free(path: str) -> None:
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    """Let errors name the file that is meant, not the one that stands for it until it is whole."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), path) from None


def _publish(temporary: str, path: str, *, force: bool) -> None:
    """Give a file its name; one that another program has made meanwhile is not replaced without `force`."""
    try:
        _move(temporary, path, force=force)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = os.path.join(os.path.dirname(path), f".{os.path.basename(temporary)}-{os.getpid()}.part")
        try:
            shutil.copy(temporary, beside)
            _move(beside, path, force=force)
        finally:
            _remove(beside)


def _move(temporary: str, path: str, *, force: bool) -> None:
    if not force:
        try:
            os.link(temporary, path)
        except OSError as error:  # the name is taken, or the file system has no hard links
            if error.errno == errno.EXDEV:
                raise
            _check_free(path)
    os.replace(temporary, path)  # does nothing where the link is there


def _assemble_all(request: Any, written: list[tuple[str, str]]) -> None:
    """Write each file into the `staging` folder, which is swept up if this is killed; `written` takes both names."""
    os.makedirs(request["staging"], exist_ok=True)  # there were no parts if all files are empty
    parts = _Blocks([os.path.join(request["staging"], f"part-{number}") for number in range(request["parts"])])
    for path, mode, size, digest in request["files"]:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        # Of this attempt alone: one that was killed may have left its own.
        written.append((os.path.join(request["staging"], f"file-{os.getpid()}-{len(written)}"), path))
        with _naming(path):
            _assemble(written[-1][0], parts, size, digest)
            os.chmod(written[-1][0], mode)


class _Blocks:
    """All parts as one stream of bytes."""

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths
        self._offset = 0

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, none only at the end."""
        while self._paths:
            with open(self._paths[0], "rb") as file:
                file.seek(self._offset)
                data = file.read(size)
            self._offset += len(data)
            if data:
                return data
            self._paths, self._offset = self._paths[1:], 0
        return b""


def _assemble(path: str, parts: _Blocks, size: int, digest: str) -> None:
    sha = hashlib.sha256()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while size:
            block = parts.read(min(size, BLOCK))
            if not block:
                raise OSError(errno.EIO, "a part of the upload is missing", path)
            sha.update(block)
            file.write(block)
            size -= len(block)
    if sha.hexdigest() != digest:
        raise OSError(errno.EIO, "its SHA-256 is not that of the original", path)


def pack(request: Any) -> Any:
    """Write part files: each a mark and then `extents`, [path, offset, length], of files. Tell what each part holds."""
    os.makedirs(request["staging"], exist_ok=True)
    for name, extents in request["parts"]:
        path = os.path.join(request["staging"], name)
        with open(path + ".new", "wb") as part:
            part.write(b"\xff")
            for source, offset, length in extents:
                _copy(source, offset, length, part)
        os.replace(path + ".new", path)
    for name in request["finished"]:
        if os.path.exists(os.path.join(request["staging"], name)):
            os.remove(os.path.join(request["staging"], name))
    return True


def _copy(source: str, offset: int, length: int, target: Any) -> None:
    with open(os.open(source, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        file.seek(offset)
        while length:
            block = file.read(min(length, BLOCK))
            if not block:
                raise OSError(errno.EIO, "it shrank while it was being copied", source)
            target.write(block)
            length -= len(block)


def digest(request: Any) -> Any:
    """Tell the SHA-256 of each file; the `staging` folder is not needed any more."""
    shutil.rmtree(request["staging"], ignore_errors=True)
    return [_digest(path) for path in request["paths"]]


def _digest(path: str) -> str:
    sha = hashlib.sha256()
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            sha.update(block)
    return sha.hexdigest()


def abandon(request: Any) -> Any:
    """Remove the `staging` folder. A file in its place keeps out what is still on its way, until it is swept up."""
    shutil.rmtree(request["staging"], ignore_errors=True)
    os.makedirs(OWN, exist_ok=True)
    with contextlib.suppress(OSError):  # something has come just now
        open(request["staging"], "xb").close()
    return True


def remove(request: Any) -> Any:
    """Remove what `patterns` name, folders only where `recursive` says so; all or, where one is missing, nothing.

    With `force`, patterns that name nothing are passed over.
    """
    matches = [path for pattern in request["patterns"] for path in _expand(pattern, missing_ok=request.get("force"))]
    for path in matches:
        if os.path.isdir(path) and not os.path.islink(path) and not request["recursive"]:
            raise OSError(errno.EISDIR, "it is a folder; add --recursive", path)
        if os.path.realpath(path) in (os.path.realpath("."), "/"):
            raise OSError(errno.EINVAL, "the session's work directory cannot be removed", path)
    for path in matches:
        _remove(path)
    return matches


def _remove(path: str) -> None:
    """Remove a file, a link or a folder, also one that is not there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


OPERATIONS = {
    "scan": scan,
    "look": look,
    "unpack": unpack,
    "pack": pack,
    "digest": digest,
    "abandon": abandon,
    "remove": remove,
}
