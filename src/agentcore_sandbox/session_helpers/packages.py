"""Python packages inside the session: what they must be made for, and an archive of them put where they are found."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tarfile
from typing import Any


def describe(_: Any) -> Any:
    """Tell what this Python runs on, in the terms of `packages.platforms`."""
    try:
        libc, version = (os.confstr("CS_GNU_LIBC_VERSION") or "musl 1.2").split()
    except (OSError, ValueError):  # how musl says that it does not know the name
        libc, version = "musl", "1.2"
    implementation = sys.implementation.name
    return {
        "python": ".".join(map(str, sys.version_info[:3])) if implementation == "cpython" else implementation,
        "machine": os.uname().machine,
        "libc": libc,
        "libc_minor": int(version.split(".")[1]),
    }


def install(request: Any) -> Any:
    """Unpack `archive` as `folder`, if the packages are for this `platform`. Tell which one this is."""
    found = describe(request)
    try:
        if found == request["platform"] and not os.path.isdir(request["folder"]):
            _unpack(request["archive"], request["folder"])
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(request["archive"])
    return found


def _unpack(archive: str, folder: str) -> None:
    """Whole or not at all, also where another client does the same."""
    beside = f"{folder}-{os.getpid()}.new"
    try:
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)  # some versions of Python have none
            tar.extractall(beside)  # noqa: S202 - what this client has made, and this is the sandbox
        os.rename(beside, folder)
    except (tarfile.TarError, EOFError) as error:
        raise OSError(errno.EIO, f"the packages have not arrived whole: {error}") from None
    except OSError:
        if not os.path.isdir(folder):
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


OPERATIONS = {"describe": describe, "install": install}
