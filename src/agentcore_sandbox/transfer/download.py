"""Out of a session to this machine."""

from __future__ import annotations

import hashlib
import itertools
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentcore_sandbox.atomic_files import staging_folder, without_umask
from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError
from agentcore_sandbox.threads import in_parallel
from agentcore_sandbox.transfer import local_tree
from agentcore_sandbox.transfer.report import Copied, Meter, Report, progress_bar
from agentcore_sandbox.transfer.session_tree import FILE, FOLDER, HELPER, Entry, scan, session_staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agentcore_sandbox.atomic_files import StagingFolder
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.local_tree import Destination, IncomingFile

OWNER = 0o700
PART_BYTES = 6 << 20  # base64 makes 8 MiB of it, well below the message limit of 24 MiB
PARTS_AT_ONCE = 16  # so many lie in the session's disk at a time


@dataclass(frozen=True)
class ByteRange:
    """A piece of the file at a position in a list; offset and length in bytes."""

    file: int
    offset: int
    length: int


@dataclass(frozen=True)
class Download:
    """A request to fetch files.

    Attributes:
        patterns: Paths or globs in the session.
        destination: A folder that they go into, or the new name of the only one.
        force: Replace files that are there.
        hidden: Fetch also what has a name that begins with a dot, or comes in a folder of such a name. Without it,
            no file arrives executable either.
        quiet: Show no progress.
    """

    patterns: Sequence[str]
    destination: str
    force: bool = False
    hidden: bool = True
    quiet: bool = False

    def run(self, workspace: Workspace) -> Report:
        """Fetch everything; files get their names here once all of them have arrived and are checked.

        Raises:
            AgentcoreSandboxError: `FileExists`, `UnsafePath`, `LocalFile`, `SessionFile`, or what the service says.
        """
        found = scan(workspace, self.patterns)
        reasons = [entry.exclusion(hidden=self.hidden) for entry in found]
        skipped = {entry.path: reason for entry, reason in zip(found, reasons, strict=True) if reason}
        for pattern in self.patterns:
            if skipped.get(pattern) == local_tree.SPECIAL:  # it was asked for by its name
                hint = "look at the session's files: agentcore-sandbox ls SESSION"
                raise AgentcoreSandboxError("SessionFile", f"in the session: {pattern} is {local_tree.SPECIAL}", hint)
        kept = [entry for entry, reason in zip(found, reasons, strict=True) if not reason]
        wanted = self._destinations(kept if self.hidden else [entry.without_run_bits() for entry in kept])
        for entry, destination in wanted:
            destination.check(folder=entry.kind == FOLDER, force=self.force)
        files = [(entry, destination) for entry, destination in wanted if entry.kind == FILE]
        with _folders(wanted):
            return self._fetch(workspace, files, skipped)

    def _destinations(self, entries: Sequence[Entry]) -> list[tuple[Entry, Destination]]:
        roots = list(dict.fromkeys(entry.root for entry in entries))
        names = [local_tree.base_name(root) for root in roots]
        targets = dict(zip(roots, local_tree.targets(self.destination, names), strict=True))
        found = [(entry, targets[entry.root].below(entry.relative)) for entry in entries]
        local_tree.check_unique([destination for _, destination in found])
        return found

    def _fetch(
        self, workspace: Workspace, files: Sequence[tuple[Entry, Destination]], skipped: dict[str, str]
    ) -> Report:
        if not files:
            return Report(skipped=skipped)
        entries = [entry for entry, _ in files]
        total, base = sum(entry.size for entry in entries), files[0][1].base
        local_tree.check_room(base, total)
        with _staging(base) as staging, progress_bar("download", total, quiet=self.quiet) as meter:
            incoming = _IncomingFiles(files, staging)
            with session_staging(workspace) as folder:
                transfer(workspace, folder, entries, incoming.write, meter)
                incoming.finish()
                digests = [file.digest for file in incoming.files]
                check_digests(workspace, folder, entries, digests)
            for file in incoming.files:
                file.publish(force=self.force)
        copied = [
            Copied(entry.path, str(destination.path), entry.size, digest)
            for (entry, destination), digest in zip(files, digests, strict=True)
        ]
        return Report(copied, skipped, meter.seconds)


@contextmanager
def _folders(destinations: Sequence[tuple[Entry, Destination]]) -> Iterator[None]:
    """Make all folders. New ones get their permissions once the files are there; after a failure they are removed."""
    new: list[Path] = []
    try:
        for folder in dict.fromkeys(_folder(entry, destination) for entry, destination in destinations):
            new += folder.make_folder()
        yield
    except BaseException:
        for path in reversed(new):
            with suppress(OSError):  # what has come into it meanwhile stays
                path.rmdir()
        raise
    fresh = set(new)
    for entry, destination in reversed(destinations):
        if entry.kind == FOLDER and destination.path in fresh:
            # Its owner can always enter and empty it, whatever the sandbox says.
            destination.path.chmod(without_umask(entry.mode) | OWNER)


@contextmanager
def _staging(base: Path) -> Iterator[StagingFolder]:
    with ExitStack() as stack:
        with local_tree.local_failures(base):
            staging = stack.enter_context(staging_folder(base))
        yield staging


def _folder(entry: Entry, destination: Destination) -> Destination:
    return destination if entry.kind == FOLDER else destination.above


class _IncomingFiles:
    """The files that come in, one after another; one at a time is open."""

    def __init__(self, files: Sequence[tuple[Entry, Destination]], staging: StagingFolder) -> None:
        self._waiting = iter(files)
        self._staging = staging
        self._count = len(files)
        self.files: list[IncomingFile] = []

    def write(self, file: int, data: bytes) -> None:
        """Append to a file; empty ones before it are made on the way."""
        while len(self.files) <= file:
            self._next()
        self.files[file].write(data)

    def finish(self) -> None:
        """Make what was never written to, and close."""
        while len(self.files) < self._count:
            self._next()
        self.files[-1].close()

    def _next(self) -> None:
        if self.files:
            self.files[-1].close()
        entry, destination = next(self._waiting)
        self.files.append(local_tree.IncomingFile(destination, entry.mode, self._staging))


def to_stream(
    workspace: Workspace,
    pattern: str,
    write: Callable[[bytes], object],
    *,
    label: str = "download",
    most: int | None = None,
    quiet: bool = True,
) -> Report:
    """Write the one file that a pattern names to a stream, as its parts arrive.

    Args:
        workspace: The session's.
        pattern: A path or glob in the session.
        write: Takes bytes.
        label: What is shown beside the progress.
        most: Bytes that it may have.
        quiet: Show no progress.

    Raises:
        AgentcoreSandboxError: `SessionFile`: it is no file, more than one, or too large.
    """
    entries = scan(workspace, [pattern], depth=0)
    if [entry.kind for entry in entries] != [FILE]:
        hint = "standard output takes one file at a time"
        raise AgentcoreSandboxError("SessionFile", f"{pattern} is not a single file in the session", hint)
    total = entries[0].size
    if most is not None and total > most:
        hint = "what runs in the session may have made it so"
        raise AgentcoreSandboxError("SessionFile", f"in the session: a file has {total} bytes, more than {most}", hint)
    sha = hashlib.sha256()

    def both(_file: int, data: bytes) -> None:
        sha.update(data)
        write(data)

    with session_staging(workspace) as folder, progress_bar(label, total, quiet=quiet) as meter:
        transfer(workspace, folder, entries, both, meter)
        check_digests(workspace, folder, entries, [sha.hexdigest()])
    return Report([Copied(entries[0].path, "-", entries[0].size, sha.hexdigest())])


def transfer(
    workspace: Workspace, folder: str, entries: Sequence[Entry], write: Callable[[int, bytes], None], meter: Meter
) -> None:
    """Fetch the contents of files in order, part by part.

    Args:
        workspace: The session's.
        folder: The session's folder that the parts go through.
        entries: The files.
        write: Takes the position of a file in `entries` and its next bytes.
        meter: Counts what arrives.
    """

    def read(numbered: tuple[int, list[ByteRange]]) -> bytes:
        number, part = numbered
        with meter.moving(number, sum(piece.length for piece in part)):
            return workspace.read_part(f"{folder}/part-{number}")

    parts = enumerate(cut([entry.size for entry in entries], PART_BYTES))
    names: list[str] = []
    while window := list(itertools.islice(parts, PARTS_AT_ONCE)):
        before, names = names, [f"part-{number}" for number, _ in window]
        wanted = [
            [name, [_wire(entries, piece) for piece in part]] for name, (_, part) in zip(names, window, strict=True)
        ]
        workspace.ask(HELPER, "pack", staging=folder, parts=wanted, finished=before)
        for (_, part), data in zip(window, in_parallel(read, window), strict=True):
            _deliver(data, part, write)


def cut(sizes: Sequence[int], limit: int) -> Iterator[list[ByteRange]]:
    """Cut files, one after another, into parts of at most `limit` bytes; empty files are in none."""
    part: list[ByteRange] = []
    room = limit
    for file, size in enumerate(sizes):
        offset = 0
        while offset < size:
            length = min(room, size - offset)
            part.append(ByteRange(file, offset, length))
            offset, room = offset + length, room - length
            if not room:
                yield part
                part, room = [], limit
    if part:
        yield part


def _wire(entries: Sequence[Entry], piece: ByteRange) -> list[str | int]:
    return [entries[piece.file].path, piece.offset, piece.length]


def _deliver(data: bytes, ranges: Sequence[ByteRange], write: Callable[[int, bytes], None]) -> None:
    if len(data) != sum(piece.length for piece in ranges):
        raise UnexpectedAnswerError("a part does not have the size that was asked for", "try again")
    start = 0
    for piece in ranges:
        write(piece.file, data[start : start + piece.length])  # no copy where it is all of them
        start += piece.length


def check_digests(workspace: Workspace, folder: str, entries: Sequence[Entry], digests: Sequence[str]) -> None:
    """Compare what has arrived with what is in the session, and remove the folder that it went through.

    Raises:
        AgentcoreSandboxError: `FileChanged`.
    """
    if not entries:
        return
    there = workspace.ask_each(HELPER, "digest", [entry.path for entry in entries], staging=folder)
    for entry, ours, theirs in zip(entries, digests, there, strict=True):
        if ours != theirs:
            message = f"{entry.path} changed while it was being copied: the SHA-256 of file and copy differ"
            hint = "wait until no program writes to it, then try again"
            raise AgentcoreSandboxError("FileChanged", message, hint)
