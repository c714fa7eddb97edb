"""The first start of a zipapp: unpack the program into the first folder that takes it."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import shutil
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import NoReturn

from . import start


def unpack(build: str) -> str:
    """Unpack the program; where that cannot be done, say why in one line and exit with status 125.

    Args:
        build: The copy's name.

    Returns:
        Its site-packages folder. Where no folder lasts, it is a temporary one, gone when the process ends.
    """
    try:
        return _unpack_to_stay(build) or _unpack_for_now(build)
    except KeyboardInterrupt:
        sys.exit(130)
    except (zipfile.BadZipFile, zlib.error) as error:
        _fail("BrokenZipapp", f"{sys.argv[0]} is damaged ({error}); install it again")
    except OSError as error:
        _fail(
            "NoCache", f"nowhere to unpack agentcore-sandbox ({error}); set XDG_CACHE_HOME to a folder you can write to"
        )


def _unpack_to_stay(build: str) -> str | None:
    for root in start.roots():
        with contextlib.suppress(OSError):
            os.makedirs(root, 0o700, exist_ok=True)
            if start.is_private(root):
                _require_locks(root)
                return _extract(Path(root, build))
    return None


def _unpack_for_now(build: str) -> str:
    root = tempfile.mkdtemp(prefix=start.NAME)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return _extract(Path(root, build))


def _require_locks(root: str) -> None:
    """Fail at once on a file system without locks: shiv would wait for ever."""
    if sys.platform != "win32":
        import fcntl

        with Path(root, ".locks").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _extract(copy: Path) -> str:
    """Let shiv unpack: one process at a time, beside the copy, which is then renamed into place."""
    # The folder above keeps others out. Started by root, the sandboxes' bwrap runs as nobody, from a mount of the copy.
    umask = os.umask(0o022)
    try:
        with zipfile.ZipFile(sys.path[0]) as archive:
            importlib.import_module("_bootstrap").extract_site_packages(archive, copy)
    finally:
        os.umask(umask)
    return str(copy / "site-packages")


def _fail(code: str, message: str) -> NoReturn:
    print(f"error[{code}]: {message}", file=sys.stderr)  # noqa: T201 - the command line's printer is not unpacked yet
    sys.exit(125)
