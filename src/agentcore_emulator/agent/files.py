"""The file tools. They run in here and not on the host, so that no symbolic link reaches a path of the host."""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False  # see protocol
if TYPE_CHECKING:
    from typing import Any, Callable

    from .protocol import Message

LISTING_BYTES = 4 << 20
"""Of a folder's names: as JSON, twice with up to six times the bytes, more would not fit into one result."""


def read(request: dict[str, Any], _data: bytes) -> Message:
    """Return the contents of `request["paths"]`, all of them or an error."""
    contents: list[bytes] = []
    limit, total = request["dataLimit"], 0
    for path in request["paths"]:
        contents.append(_read_file(path, limit))
        total += len(contents[-1])
        if total > limit:
            raise OSError(0, f"The files have more than {limit} bytes in all, which is the most that is read at once")
    return {"sizes": [len(content) for content in contents]}, b"".join(contents)


def list_folder(request: dict[str, Any], _data: bytes) -> Message:
    """Return the names in one folder, unsorted: each as `d` for a folder or `f`, the name, and NUL."""
    found, limit, size = [], request["limit"], 0
    with os.scandir(request["path"]) as entries:
        for entry in entries:
            found.append((b"d" if entry.is_dir() else b"f") + os.fsencode(entry.name))
            if len(found) > limit:
                raise OSError(0, f"The folder has more than {limit} entries", request["path"])
            size += len(found[-1]) + 1
            if size > LISTING_BYTES:
                raise OSError(0, f"The folder's names have more than {LISTING_BYTES} bytes", request["path"])
    return {}, b"".join(name + b"\0" for name in found)


def remove(request: dict[str, Any], _data: bytes) -> Message:
    """Remove files, none where one is missing."""
    for path in request["paths"]:
        os.lstat(path)
    for path in request["paths"]:
        os.remove(path)
    return {}, b""


def write(request: dict[str, Any], data: bytes) -> Message:
    """Write files whose contents stand one after the other in `data`; make their folders."""
    position = 0
    for path, size in request["files"]:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(_open_regular(path, os.O_WRONLY | os.O_CREAT), "wb") as file:
            file.truncate()
            file.write(data[position : position + size])
        position += size
    return {}, b""


def _read_file(path: str, limit: int) -> bytes:
    with open(_open_regular(path, os.O_RDONLY), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(0, f"The file has {size} bytes, at most {limit} can be read at once", path)
        return file.read(limit + 1)


def _open_regular(path: str, flags: int) -> int:
    """Open a file, and nothing that would wait for somebody: a pipe, a device, another program's lease on a file."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise OSError(0, "Not a regular file", path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "Not a regular file", path)
    return descriptor


OPERATIONS: dict[str, Callable[[dict[str, Any], bytes], Message]] = {
    "read": read,
    "list": list_folder,
    "remove": remove,
    "write": write,
}


def handle(request: dict[str, Any], data: bytes) -> Message:
    """Do one file operation; a failure is `{"error": {"errno", "text", "path"}}`."""
    try:
        return OPERATIONS[request["do"]](request, data)
    except OSError as error:
        return {"error": {"errno": error.errno, "text": error.strerror, "path": error.filename}}, b""
    except RecursionError:  # of os.makedirs()
        return {"error": {"errno": errno.ENAMETOOLONG, "text": os.strerror(errno.ENAMETOOLONG), "path": ""}}, b""
