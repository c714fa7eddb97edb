"""From this machine into a session."""

from __future__ import annotations

import hashlib
import posixpath
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from agentcore_sandbox.api import DISK_BYTES
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.threads import in_parallel
from agentcore_sandbox.transfer import local_tree
from agentcore_sandbox.transfer.local_tree import LocalEntry
from agentcore_sandbox.transfer.report import Copied, Report, progress_bar
from agentcore_sandbox.transfer.session_tree import HELPER, session_staging

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.report import Meter

PART_BYTES = 16 << 20  # base64 makes 21 MiB of it, a fifth of what a request may have; memory holds some copies
STANDARD_STREAM = "-"


@dataclass(frozen=True)
class PlannedCopy:
    """One file or folder and its path in the session."""

    source: LocalEntry
    target: str


@dataclass(frozen=True)
class SourceTree:
    """A file, or a folder with all that is in it.

    Attributes:
        name: Its name in a folder that it is copied into; empty for a folder whose contents are meant.
        sources: The file, or the folder and its contents.
        skipped: Path of what is left out -> the reason.
    """

    name: str
    sources: Sequence[LocalEntry]
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Upload:
    """A request to send files.

    Attributes:
        sources: Words of the command line: paths, globs, or `-` for standard input.
        destination: In the session: a folder they go into, or the new name of the only one; empty for the work folder.
        force: Replace files that are there.
        quiet: Show no progress.
    """

    sources: Sequence[str]
    destination: str
    force: bool = False
    quiet: bool = False

    def roots(self) -> list[SourceTree]:
        """All that is to be sent, looked at before anything is.

        Raises:
            UsageError: A file is missing.
            AgentcoreSandboxError: `LocalFile`: one cannot be looked at.
        """
        return [root for word in self.sources for root in _roots(word)]

    def run(self, workspace: Workspace) -> Report:
        """Send everything; files get their names in the session once all of them have arrived and are checked.

        Raises:
            AgentcoreSandboxError: `FileExists`, `LocalFile`, `SessionFile`, or what the service says.
        """
        roots = self.roots()
        plan = self._plan(workspace, roots)
        report = Report(skipped={path: reason for root in roots for path, reason in root.skipped.items()})
        packer = _Packer([planned for planned in plan if not planned.source.is_folder], report)
        folders = [[planned.target, planned.source.mode] for planned in plan if planned.source.is_folder]
        total = sum(planned.source.size for planned in plan)
        with session_staging(workspace) as folder, progress_bar("upload", total, quiet=self.quiet) as meter:
            count = send(workspace, folder, packer.parts(), meter)
            report.seconds = meter.seconds
            request = {"staging": folder, "parts": count, "files": packer.manifest, "folders": folders}
            workspace.ask(HELPER, "unpack", once=True, force=self.force, **request)
        return report

    def _plan(self, workspace: Workspace, roots: Sequence[SourceTree]) -> list[PlannedCopy]:
        """Decide each file's path in the session, and refuse what could not be finished, before anything is sent."""
        inside = _targets(roots, self.destination, named=True)
        beside = _targets(roots, self.destination, named=False)
        is_clear = len(roots) > 1 or self.destination == "" or self.destination.endswith("/")
        asked = [self.destination, *(planned.target for planned in inside), *(planned.target for planned in beside)]
        kinds = dict(zip(asked, workspace.ask_each(HELPER, "look", asked), strict=True))
        plan = inside if is_clear or kinds[self.destination] == "folder" else beside
        self._check(plan, kinds)
        return plan

    def _check(self, plan: Sequence[PlannedCopy], kinds: Mapping[str, str | None]) -> None:
        if len({planned.target for planned in plan}) < len(plan):
            raise AgentcoreSandboxError("FileExists", "two files would get the same name", "copy them one at a time")
        for planned in plan:
            kind, where = kinds.get(planned.target), f"{planned.target} exists in the session"
            if kind and (kind == "folder") != planned.source.is_folder:
                raise AgentcoreSandboxError("FileExists", f"{where} and is a {kind}", "choose another target")
            if kind and not planned.source.is_folder and not self.force:
                raise AgentcoreSandboxError("FileExists", where, "add --force to replace it")


def _roots(word: str) -> list[SourceTree]:
    if word == STANDARD_STREAM:
        return [SourceTree("stdin", [LocalEntry(None, ())])]
    return [_root(path, named=path == word) for path in local_tree.expand(word)]


def _root(path: str, *, named: bool) -> SourceTree:
    skipped: dict[str, str] = {}
    with local_tree.local_failures(Path(path)):
        if not named and Path(path).is_symlink():  # found by a glob: it may lead anywhere
            return SourceTree("", (), {path: local_tree.LINK})
        sources = list(local_tree.walk(Path(path), skipped))
    return SourceTree(local_tree.base_name(path), sources, skipped)


def _targets(roots: Sequence[SourceTree], destination: str, *, named: bool) -> list[PlannedCopy]:
    """Where everything goes: below the destination by the roots' names, or in place of the destination."""
    plan = [
        PlannedCopy(source, posixpath.join(destination, root.name if named else "", *source.parts).rstrip("/"))
        for root in roots
        for source in root.sources
    ]
    return [planned for planned in plan if planned.target not in ("", ".")]


def send(workspace: Workspace, folder: str, parts: Iterator[bytes], meter: Meter) -> int:
    """Send parts to a session's folder, the next one already while one is on its way; returns how many there were."""

    def write(numbered: tuple[int, bytes]) -> None:
        number, part = numbered
        with meter.moving(number, len(part)):
            workspace.write(f"{folder}/part-{number}", part)

    return sum(1 for _ in in_parallel(write, enumerate(parts)))


class _Packer:
    """Cuts the contents of all files, one after another, into parts; notes size and SHA-256 of each file.

    Args:
        files: What to read.
        report: Takes each file that was read.
    """

    def __init__(self, files: Sequence[PlannedCopy], report: Report) -> None:
        self._files = files
        self._report = report
        self._room = PART_BYTES
        self.manifest: list[list[str | int]] = []

    def parts(self) -> Iterator[bytes]:
        """Yield parts of `PART_BYTES`, the last one shorter. One that is of a single piece is not copied."""
        pieces: list[bytes] = []
        for planned in self._files:
            for piece in self._read(planned):
                pieces.append(piece)
                self._room -= len(piece)
                if not self._room:
                    yield b"".join(pieces)
                    pieces, self._room = [], PART_BYTES
        if pieces:
            yield b"".join(pieces)

    def _read(self, planned: PlannedCopy) -> Iterator[bytes]:
        sha, size = hashlib.sha256(), 0
        path = planned.source.path or Path("standard input")
        with local_tree.local_failures(path), _open(planned.source) as file:
            while piece := file.read(self._room):
                sha.update(piece)
                size += len(piece)
                if size > max(planned.source.size, DISK_BYTES):
                    message = f"{path} does not end within {DISK_BYTES >> 30} GiB, the disk of a session"
                    raise AgentcoreSandboxError("LocalFile", message, "copy less: nothing was copied")
                yield piece
        self.manifest.append([planned.target, planned.source.mode, size, sha.hexdigest()])
        name = STANDARD_STREAM if planned.source.path is None else str(planned.source.path)
        self._report.copied.append(Copied(name, planned.target, size, sha.hexdigest()))


def _open(source: LocalEntry) -> AbstractContextManager[BinaryIO]:
    if source.path is not None:
        return source.path.open("rb")
    if sys.stdin is None:
        raise AgentcoreSandboxError("LocalFile", "standard input is closed", "give it a file or a pipe")
    return nullcontext(sys.stdin.buffer)
