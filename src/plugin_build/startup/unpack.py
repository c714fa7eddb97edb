"""Unpack the program: at the first start of a zipapp, and anew where the copy turns out to be damaged."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.machinery
import importlib.util
import marshal
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import code_archive, start

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = "agentcore_sandbox.commands."
NATIVE = "site-packages/_native"
CLIENT = ("botocore", "botocore/retries", "urllib3", "urllib3/util")  # folders that a call imports nearly all of
RESTARTED = "restarted"  # an option of Python that it does not know, for the process that starts again
HEADER = 16  # bytes of a .pyc before its code


def unpack(build: str) -> str:
    """Unpack the program; where that cannot be done, say why in one line and exit with status 125.

    Args:
        build: The copy's name.

    Returns:
        Its site-packages folder. Where no folder lasts, it is a temporary one, gone when the process ends.
    """
    zipapp = sys.path[0]
    with _failures_told(zipapp):
        return _unpack_to_stay(zipapp, build) or _unpack_for_now(zipapp, build)


def compile_ahead(site_packages: str) -> None:
    """Compile the AWS client in a process of its own, the largest modules first, while this one begins to import.

    A first `run` takes two thirds of the time by that. Nothing depends on it.
    """
    if not hasattr(os, "fork") or os.cpu_count() == 1:
        return
    with contextlib.suppress(OSError):  # there may be no further process
        child = os.fork()
        if not child:
            _compile(site_packages)
        atexit.register(os.waitpid, child, 0)


def _compile(site_packages: str) -> NoReturn:
    try:
        for stream in range(3):  # a caller may wait for the end of its output
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        sys.dont_write_bytecode = False
        modules = [path for folder in CLIENT for path in Path(site_packages, folder).glob("*.py")]
        for path in sorted(modules, key=lambda path: path.stat().st_size, reverse=True):
            importlib.machinery.SourceFileLoader(path.stem, str(path)).get_code(path.stem)
    finally:
        os._exit(0)


def repair(zipapp: str, site_packages: str) -> list[str]:
    """Unpack the program anew if its copy is damaged. Where no command was loaded yet, the process starts again.

    Args:
        zipapp: The file.
        site_packages: The copy's.

    Returns:
        What was missing or changed in the copy; nothing where it is whole.
    """
    copy = Path(site_packages).parent
    with _failures_told(zipapp):
        if not os.path.exists(zipapp) or start.build_of(zipapp) != copy.name:
            return []  # removed or replaced by another version meanwhile: it says nothing about this copy
        names = damaged(zipapp, copy)
        if names and RESTARTED in sys._xoptions:  # noqa: SLF001 - documented with the option -X
            _fail("DamagedCopy", f"{names[0]} in {copy} is damaged again; find what changes it, or install again")
        if names:
            _extract(zipapp, copy, replacing=True)
    if names and not any(name.startswith(COMMANDS) for name in sys.modules):
        if sys.platform == "win32":
            _fail("DamagedCopy", f"files in {copy} were missing or damaged and are whole again; run the command again")
        os.execv(sys.executable, [sys.executable, "-X", RESTARTED, *sys.orig_argv[1:]])  # noqa: S606 - as this process was started
    return names


def damaged(zipapp: str, copy: Path) -> list[str]:
    """The files of a copy that are not what the zipapp holds, and bytecode that cannot be read.

    Raises:
        OSError: The zipapp cannot be read.
        zipfile.BadZipFile: It is damaged.
    """
    with zipfile.ZipFile(zipapp) as archive:
        files = [info for info in archive.infolist() if info.filename.startswith("site-packages/")]
    changed = [info.filename for info in files if not info.is_dir() and not _is_whole(copy / info.filename, info)]
    others = [*(path for path in copy.rglob("*.pyc") if not _is_code(path)), *_damaged_in(copy / NATIVE)]
    others += [path for path in copy.glob(f"*{code_archive.SUFFIX}") if not code_archive.is_whole(str(path))]
    return [*changed, *(path.relative_to(copy).as_posix() for path in others)]


def _damaged_in(native: Path) -> Iterator[Path]:
    """The files of awscrt, where it was unpacked, that are not what its archive holds."""
    if (native / "unpacked").is_dir():
        with contextlib.suppress(OSError, tarfile.TarError), tarfile.open(native / "awscrt.tar.xz") as archive:
            for member in archive:
                path, packed = native / "unpacked" / member.name, archive.extractfile(member)
                if packed and not (path.is_file() and path.read_bytes() == packed.read()):
                    yield path


def _is_whole(path: Path, info: zipfile.ZipInfo) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return len(content) == info.file_size and zlib.crc32(content) == info.CRC


def _is_code(path: Path) -> bool:
    content = path.read_bytes()
    if not content.startswith(importlib.util.MAGIC_NUMBER):
        return True  # of another Python
    try:
        marshal.loads(content[HEADER:])  # noqa: S302 - what a start would load
    except (EOFError, TypeError, ValueError):
        return False
    return True


def _unpack_to_stay(zipapp: str, build: str) -> str | None:
    for root in start.roots():
        with contextlib.suppress(OSError):
            if start.can_hold(root):
                return _extract(zipapp, Path(root, build))
    return None


def _unpack_for_now(zipapp: str, build: str) -> str:
    root = tempfile.mkdtemp(prefix=start.NAME)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return _extract(zipapp, Path(root, build))


def _extract(zipapp: str, copy: Path, *, replacing: bool = False) -> str:
    """Let shiv unpack beside the copy, then rename: it is there whole or not at all, and nobody waits for anybody."""
    with _scratch_folder(copy) as scratch, zipfile.ZipFile(zipapp) as archive, _readable_by_all():
        made = scratch / "copy"
        importlib.import_module("_bootstrap").extract_site_packages(archive, made)
        if replacing:
            copy.rename(scratch / "damaged")
        try:
            made.rename(copy)
        except OSError:
            if not copy.is_dir():
                raise  # else another process was quicker
    return str(copy / "site-packages")


@contextlib.contextmanager
def _scratch_folder(copy: Path) -> Iterator[Path]:
    """A folder beside the copy that is gone in the end. Where this process is killed, a later one removes it."""
    with _shared_lock(copy.parent):
        scratch = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", suffix=".unpacking", dir=copy.parent))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _shared_lock(root: Path) -> Iterator[None]:
    """Hold a lock together with all others that unpack into a folder; who is alone removes what killed ones left.

    Raises:
        OSError: The file system has no locks, for which shiv would wait for ever, or another process is removing.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (root / ".locks").open("w") as file:
        if left := list(root.glob("*.unpacking")):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for folder in left:
                    shutil.rmtree(folder, ignore_errors=True)
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


@contextlib.contextmanager
def _readable_by_all() -> Iterator[None]:
    """Started by root, the sandboxes' bwrap runs as nobody from a mount of the copy; the folder above is private."""
    umask = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(umask)


@contextlib.contextmanager
def _failures_told(zipapp: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except (zipfile.BadZipFile, zlib.error) as error:
        _fail("BrokenZipapp", f"{zipapp} is damaged ({error}); install it again")
    except OSError as error:
        hint = "set XDG_CACHE_HOME to a folder that you can write to"
        _fail("NoCache", f"nowhere to unpack agentcore-sandbox ({error}); {hint}")


def _fail(code: str, message: str) -> NoReturn:
    print(f"error[{code}]: {message}", file=sys.stderr)  # noqa: T201 - the command line's printer is not unpacked yet
    sys.exit(125)
