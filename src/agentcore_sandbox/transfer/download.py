"""Out of a session to this machine."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError
from agentcore_sandbox.threads import in_parallel
from agentcore_sandbox.transfer import listing, local_tree, staging
from agentcore_sandbox.transfer.listing import GUEST, Entry
from agentcore_sandbox.transfer.progress import bar
from agentcore_sandbox.transfer.report import Copied, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.local_tree import PartialFile, Place
    from agentcore_sandbox.transfer.progress import Advance

OWNER = 0o700
PART_BYTES = 6 << 20  # base64 makes 8 MiB of it, well below the message limit of 24 MiB
PARTS_AT_ONCE = 16  # so many lie in the session's disk at a time


@dataclass(frozen=True)
class Extent:
    """A piece of a file: which one, from where, how many bytes."""

    file: int
    offset: int
    length: int


@dataclass(frozen=True)
class Download:
    """What is to be fetched to where.

    Attributes:
        patterns: Paths or globs in the session.
        destination: A folder that they go into, or the new name of the only one.
        force: Replace files that are there.
        hidden: Fetch also what has a name that begins with a dot, or comes in a folder of such a name.
        quiet: Show no progress.
    """

    patterns: Sequence[str]
    destination: str
    force: bool = False
    hidden: bool = True
    quiet: bool = False

    def run(self, workspace: Workspace) -> Report:
        """Fetch everything; files get their names here when all of them are there and checked.

        Raises:
            AgentcoreSandboxError: `FileExists`, `UnsafePath`, `LocalFile`, `SessionFile`, or what the service says.
        """
        found = listing.scan(workspace, self.patterns)
        entries = [entry for entry in found if self._is_wanted(entry)]
        places = self._places(entries)
        for entry, place in places:
            place.check(folder=entry.kind == listing.FOLDER, force=self.force)
        files = [(entry, place) for entry, place in places if entry.kind == listing.FILE]
        with _folders(places):
            copied = self._fetch(workspace, files)
        return Report(copied, [entry.path for entry in found if not self._is_wanted(entry)])

    def _is_wanted(self, entry: Entry) -> bool:
        return entry.kind in (listing.FILE, listing.FOLDER) and (self.hidden or not entry.is_hidden)

    def _places(self, entries: Sequence[Entry]) -> list[tuple[Entry, Place]]:
        roots = list(dict.fromkeys(entry.root for entry in entries))
        names = [local_tree.base_name(root) for root in roots]
        targets = dict(zip(roots, local_tree.targets(self.destination, names), strict=True))
        found = []
        for entry in entries:
            target = targets[entry.root]
            parts = (*target.parts, *local_tree.safe_parts(entry.relative))
            found.append((entry, local_tree.Place(target.base, parts)))
        local_tree.check_unique([place for _, place in found])
        return found

    def _fetch(self, workspace: Workspace, files: Sequence[tuple[Entry, Place]]) -> list[Copied]:
        entries = [entry for entry, _ in files]
        with ExitStack() as cleanup, bar("download", sum(entry.size for entry in entries), quiet=self.quiet) as advance:
            opened = _Opened(files, cleanup)
            with staging.folder(workspace) as folder:
                transfer(workspace, folder, entries, opened.write, advance)
                opened.finish()
                digests = [partial.digest for partial in opened.files]
                check_digests(workspace, folder, entries, digests)
            for partial in opened.files:
                partial.publish(force=self.force)
        return [
            Copied(entry.path, str(place.path), entry.size, digest)
            for (entry, place), digest in zip(files, digests, strict=True)
        ]


@contextmanager
def _folders(places: Sequence[tuple[Entry, Place]]) -> Iterator[None]:
    """Make all folders; when the files are there the new ones get their permissions, otherwise they are removed."""
    new: list[Path] = []
    try:
        for place in dict.fromkeys(place if entry.kind == listing.FOLDER else place.above for entry, place in places):
            new += place.make_folder()
        yield
    except BaseException:
        for path in reversed(new):
            with suppress(OSError):  # what has come into it meanwhile stays
                path.rmdir()
        raise
    fresh = set(new)
    for entry, place in reversed(places):
        if entry.kind == listing.FOLDER and place.path in fresh:
            # Its owner can always enter and empty it, whatever the sandbox says.
            place.path.chmod(local_tree.permitted(entry.mode) | OWNER)


class _Opened:
    """The files that come in, one after another; one at a time is open."""

    def __init__(self, files: Sequence[tuple[Entry, Place]], cleanup: ExitStack) -> None:
        self._waiting = iter(files)
        self._cleanup = cleanup
        self._count = len(files)
        self.files: list[PartialFile] = []

    def write(self, file: int, data: bytes) -> None:
        """Append to a file; empty ones before it are made on the way."""
        while len(self.files) <= file:
            self._next()
        self.files[file].write(data)

    def finish(self) -> None:
        """Make what was never written to, and close."""
        while len(self.files) < self._count:
            self._next()
        if self.files:
            self.files[-1].close()

    def _next(self) -> None:
        if self.files:
            self.files[-1].close()
        entry, place = next(self._waiting)
        self.files.append(local_tree.PartialFile(place, entry.mode))
        self._cleanup.callback(self.files[-1].discard)


def to_stream(workspace: Workspace, pattern: str, write: Callable[[bytes], None]) -> Report:
    """Write one file of a session to a stream, as its parts arrive.

    Args:
        workspace: The session's.
        pattern: Names one file.
        write: Takes the bytes.

    Raises:
        AgentcoreSandboxError: `SessionFile`: it is no file or more than one.
    """
    entries = listing.scan(workspace, [pattern], depth=0)
    if [entry.kind for entry in entries] != [listing.FILE]:
        hint = "standard output takes one file at a time"
        raise AgentcoreSandboxError("SessionFile", f"not one file in the session: {pattern}", hint)
    sha = hashlib.sha256()

    def both(_file: int, data: bytes) -> None:
        sha.update(data)
        write(data)

    with staging.folder(workspace) as folder:
        transfer(workspace, folder, entries, both, lambda _count: None)
        check_digests(workspace, folder, entries, [sha.hexdigest()])
    return Report([Copied(entries[0].path, "-", entries[0].size, sha.hexdigest())])


def transfer(
    workspace: Workspace, folder: str, entries: Sequence[Entry], write: Callable[[int, bytes], None], advance: Advance
) -> None:
    """Fetch the contents of files in order, part by part.

    Args:
        workspace: The session's.
        folder: The folder in the session that the parts go through.
        entries: The files.
        write: Takes the position of a file in `entries` and its next bytes.
        advance: Takes the number of bytes that have come.
    """
    parts = list(cut([entry.size for entry in entries], PART_BYTES))
    names = [f"part-{number}" for number in range(len(parts))]
    for start in range(0, len(parts), PARTS_AT_ONCE):
        window = range(start, min(start + PARTS_AT_ONCE, len(parts)))
        wanted = [[names[number], [_wire(entries, extent) for extent in parts[number]]] for number in window]
        before = names[max(0, start - PARTS_AT_ONCE) : start]
        workspace.ask(GUEST, "pack", staging=folder, parts=wanted, finished=before)
        paths = [f"{folder}/{names[number]}" for number in window]
        for number, data in zip(window, in_parallel(workspace.read_part, paths), strict=True):
            _deliver(data, parts[number], write)
            advance(len(data))


def cut(sizes: Sequence[int], limit: int) -> Iterator[list[Extent]]:
    """Cut files, one after another, into parts of at most `limit` bytes; empty files are in none."""
    part: list[Extent] = []
    room = limit
    for file, size in enumerate(sizes):
        offset = 0
        while offset < size:
            length = min(room, size - offset)
            part.append(Extent(file, offset, length))
            offset, room = offset + length, room - length
            if not room:
                yield part
                part, room = [], limit
    if part:
        yield part


def _wire(entries: Sequence[Entry], extent: Extent) -> list[str | int]:
    return [entries[extent.file].path, extent.offset, extent.length]


def _deliver(data: bytes, extents: Sequence[Extent], write: Callable[[int, bytes], None]) -> None:
    if len(data) != sum(extent.length for extent in extents):
        raise UnexpectedAnswerError("a part has not the size that was asked for", "try again")
    start = 0
    for extent in extents:
        write(extent.file, data[start : start + extent.length])  # no copy where it is all of them
        start += extent.length


def check_digests(workspace: Workspace, folder: str, entries: Sequence[Entry], digests: Sequence[str]) -> None:
    """Compare what has come with what is in the session, and remove the folder that was used for it.

    Raises:
        AgentcoreSandboxError: `FileChanged`.
    """
    if not entries:
        return
    there = workspace.ask_each(GUEST, "digest", [entry.path for entry in entries], staging=folder)
    for entry, ours, theirs in zip(entries, digests, there, strict=True):
        if ours != theirs:
            hint = "it changed while it was copied; wait for the program that writes it, then try again"
            raise AgentcoreSandboxError("FileChanged", f"{entry.path}: its SHA-256 is not that of the copy", hint)
