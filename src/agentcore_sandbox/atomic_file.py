"""Files that have their name only when they are whole."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

PRIVATE = 0o600
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class AtomicFile:
    """A file that is written under a temporary name; private until it is published.

    As a context manager it removes what was not published. Every method raises the `OSError` of the file system.

    Args:
        folder: The folder that it will be in.
    """

    def __init__(self, folder: Path) -> None:
        self._temporary = folder / f".{uuid.uuid4().hex[:12]}.part"
        self._file = os.fdopen(os.open(self._temporary, _FLAGS, PRIVATE), "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)

    def close(self) -> None:
        """Write out what is buffered; more may not follow."""
        self._file.close()

    def publish(self, path: Path, *, mode: int = PRIVATE, replace: bool = False) -> None:
        """Give it its name, in the same folder.

        Args:
            path: With that name.
            mode: Its permissions from then on, less those that the umask takes.
            replace: Take the place of a file that has that name.

        Raises:
            FileExistsError: Another file has it, which stays as it is.
        """
        self.close()
        self._temporary.chmod(without_umask(mode))
        if replace:
            self._temporary.replace(path)
        else:
            _rename_to_free_name(self._temporary, path)

    def discard(self) -> None:
        """Remove it, unless it was published."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def without_umask(mode: int) -> int:
    """Permissions as a new file would get them."""
    current = os.umask(0)
    os.umask(current)
    return mode & 0o777 & ~current


def _rename_to_free_name(path: Path, name: Path) -> None:
    """Rename, but not over what another process has made there meanwhile."""
    if os.name == "nt":  # renames like that by itself
        path.rename(name)
        return
    try:
        name.hardlink_to(path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        name.touch(PRIVATE, exist_ok=False)
        path.replace(name)  # takes the place of what is ours
    else:
        path.unlink()
