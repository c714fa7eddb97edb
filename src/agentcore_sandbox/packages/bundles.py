"""Bundles: the packages of a program as one archive for a platform, and the cache of them on this machine.

The cache is two kinds of records in a private folder: what was asked for -> the lock that came out, which is asked for
anew after a day; and a lock -> its archive. Whatever is missing or damaged is made again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from agentcore_sandbox.atomic_files import publish, staging_folder
from agentcore_sandbox.cli.units import counted
from agentcore_sandbox.errors import AgentcoreSandboxError, UnreadableRecordError
from agentcore_sandbox.packages import requirements, resolver
from agentcore_sandbox.sessions.workspace import FOLDER
from agentcore_sandbox.state.records import StateFolder
from agentcore_sandbox.state.root import cache, make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from agentcore_sandbox.packages.platforms import Platform
    from agentcore_sandbox.packages.requirements import Requirement

R = TypeVar("R", bound="LockRecord | ArchiveRecord")
LOCK_SECONDS = 24 * 3600
"""In which the same request gives the same versions."""
KEPT_SECONDS = 30 * 24 * 3600
"""Of an archive since it was made."""
_ARCHIVE = "tar.gz"
_EPOCH = 315_532_800  # 1980-01-01: the same files give the same archive
_NO_PART = (".lock", "direct_url.json")  # of uv's work, and of this machine's paths
_BLOCK = 1 << 20


@dataclass(frozen=True)
class LockRecord:
    """The lock that came out of a request, as lines; `created` in seconds since the epoch."""

    lines: str
    created: float = field(default_factory=time.time)


@dataclass(frozen=True)
class ArchiveRecord:
    """What an archive must be; `size` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Bundle:
    """Packages for one platform.

    Attributes:
        platform: For which they are.
        lock: What they are, with the hashes of their files.
        path: The archive of a folder for `sys.path`.
        size: Its bytes.
        cached: It was there.
    """

    platform: Platform
    lock: tuple[str, ...]
    path: Path
    size: int
    cached: bool

    @property
    def folder(self) -> str:
        """Where it belongs in a session, below the work folder."""
        return f"{FOLDER}/packages/{_digest(self.lock, self.platform.key)}"


class BundleCache:
    """The bundles of this user.

    Args:
        environ: Says where they are, and what uv and pip are set to.
        say: Is told what is done.
    """

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._path = cache(environ, "packages")
        self._folder = StateFolder(self._path)
        self._settings = sorted((name, value) for name, value in environ.items() if name.startswith(("UV_", "PIP_")))
        self._say = say

    def get(self, packages: Sequence[Requirement], platform: Platform) -> Bundle:
        """The bundle of packages and all that they need, made where it is not there.

        Raises:
            AgentcoreSandboxError: As `resolver`; `UnsafeFolder`, `StateFailed`, `LocalFile`.
        """
        try:
            lock = self._lock(packages, platform)
            return self._known(lock, platform) or self._made(lock, platform)
        except OSError as error:
            where = error.filename or self._path
            message = f"packages cannot be kept in {where}: {error.strerror or error}"
            raise AgentcoreSandboxError("LocalFile", message, "make room there, or set XDG_CACHE_HOME") from None

    def _lock(self, packages: Sequence[Requirement], platform: Platform) -> tuple[str, ...]:
        """Ask the cache, or the resolver where the answer is a day old, or about a file that may have changed."""
        asked = [package.line for package in packages]
        key = _digest(asked, platform.key, self._settings)
        record = None if any("@" in line for line in asked) else self._read(key, LockRecord)
        if record and abs(time.time() - record.created) < LOCK_SECONDS:
            return tuple(record.lines.splitlines())
        self._say(f"resolving {counted(len(packages), 'package')} for {platform}")
        with self._working_folder() as folder:
            free = [requirements.Requirement(package.text) for package in packages]
            lock = tuple(
                sorted(one.line for one in _restricted(resolver.find().lock(free, platform, folder), packages))
            )
        self._folder.write(key, LockRecord("\n".join(lock)))
        return lock

    def _known(self, lock: tuple[str, ...], platform: Platform) -> Bundle | None:
        key = _digest(lock, platform.key)
        record, path = self._read(key, ArchiveRecord), self._folder.file(key, _ARCHIVE)
        with suppress(FileNotFoundError):
            if record and _sha256(path) == record.sha256:
                return Bundle(platform, lock, path, record.size, cached=True)
        return None

    def _made(self, lock: tuple[str, ...], platform: Platform) -> Bundle:
        key = _digest(lock, platform.key)
        self._say(f"fetching {counted(len(lock), 'package')}")
        with self._working_folder() as folder:
            locked = list(requirements.parse("\n".join(lock), "the lock"))
            site = resolver.find().install(locked, platform, folder)
            archive = folder / _ARCHIVE
            with archive.open("xb") as file:
                _pack(site, file)
            record = ArchiveRecord(_sha256(archive), archive.stat().st_size)
            publish(archive, self._folder.file(key, _ARCHIVE), replace=True)
        self._folder.write(key, record)
        self._folder.remove_older(KEPT_SECONDS)
        return Bundle(platform, lock, self._folder.file(key, _ARCHIVE), record.size, cached=False)

    @contextmanager
    def _working_folder(self) -> Iterator[Path]:
        make(self._path)
        with staging_folder(self._path) as staging:
            yield staging.path

    def _read(self, key: str, kind: type[R]) -> R | None:
        with suppress(UnreadableRecordError):
            return self._folder.read(key, kind)
        return None


def _restricted(lock: Sequence[Requirement], packages: Sequence[Requirement]) -> Iterator[Requirement]:
    """The lock with only those hashes of a package that were asked for.

    uv looks up what the index says and takes no notice of them (https://github.com/astral-sh/uv/issues/14033).
    """
    wanted = {package.name: package.hashes for package in packages if package.hashes}
    for locked in lock:
        hashes = wanted.get(locked.name, locked.hashes)
        kept = tuple(one for one in locked.hashes if one in hashes)
        if not kept:
            message = f"no file of {locked.text} in the index has a hash that was asked for"
            raise AgentcoreSandboxError("HashMismatch", message, "compare the hashes with those of a source you trust")
        yield requirements.Requirement(locked.text, kept)


def _pack(folder: Path, target: BinaryIO) -> None:
    """Write an archive of a folder; the same files give the same bytes, but for what pip and uv write down."""
    with gzip.GzipFile("", "wb", 6, target, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(path for path in folder.rglob("*") if _is_part(path, folder)):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mtime, entry.mode = (
                path.stat().st_size,
                _EPOCH,
                0o755 if os.access(path, os.X_OK) else 0o644,
            )
            with path.open("rb") as file:
                tar.addfile(entry, file)


def _is_part(path: Path, folder: Path) -> bool:
    """Whether a file is the packages' own, and names nothing of this machine, as a script names its interpreter."""
    if path.is_symlink() or not path.is_file() or path.name in _NO_PART:
        return False
    if path.parent != folder / "bin":
        return True
    with path.open("rb") as file:
        return file.read(2) != b"#!"


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            sha.update(block)
    return sha.hexdigest()


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
