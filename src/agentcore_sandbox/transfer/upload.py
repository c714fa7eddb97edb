"""From this machine into a session."""

from __future__ import annotations

import hashlib
import posixpath
import sys
import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.transfer import local_tree
from agentcore_sandbox.transfer.local_tree import Source
from agentcore_sandbox.transfer.progress import bar
from agentcore_sandbox.transfer.report import Copied, Report
from agentcore_sandbox.workspace import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from agentcore_sandbox.workspace import Workspace

GUEST = "files"
PART_BYTES = 24 << 20  # base64 makes 32 MiB of it, a third of what a request may have, and memory holds it four times
BLOCK_BYTES = 1 << 20
STANDARD_STREAM = "-"


@dataclass(frozen=True)
class Planned:
    """One file or folder and its path in the session."""

    source: Source
    target: str


@dataclass(frozen=True)
class Root:
    """One thing that is copied.

    Attributes:
        name: What it is called in a folder that it goes into; empty for a folder whose contents are meant.
        sources: The file, or the folder and all in it.
        skipped: Paths in it that are left out.
    """

    name: str
    sources: Sequence[Source]
    skipped: Sequence[str] = ()


def _roots(word: str) -> list[Root]:
    if word == STANDARD_STREAM:
        return [Root("stdin", [Source(None, ())])]
    return [_root(path) for path in local_tree.expand(word)]


def _root(path: str) -> Root:
    skipped: list[str] = []
    try:
        sources = list(local_tree.walk(Path(path), skipped))
    except OSError as error:
        raise local_tree.local_failure(Path(path), error) from None
    return Root(local_tree.base_name(path), sources, skipped)


@dataclass(frozen=True)
class Upload:
    """What is to be sent where.

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

    def roots(self) -> list[Root]:
        """All that would be sent, read before anything is.

        Raises:
            UsageError: A file is missing.
            AgentcoreSandboxError: `LocalFile`: one cannot be looked at.
        """
        return [root for word in self.sources for root in _roots(word)]

    def run(self, workspace: Workspace) -> Report:
        """Send everything; files get their names in the session when all of them are there and checked.

        Raises:
            AgentcoreSandboxError: `FileExists`, `LocalFile`, `SessionFile`, or what the service says.
        """
        roots = self.roots()
        plan = self._plan(workspace, roots)
        report = Report(skipped=[path for root in roots for path in root.skipped])
        staging = f"{FOLDER}/transfer-{uuid.uuid4().hex}"
        total = sum(planned.source.size for planned in plan)
        with bar("upload", total, quiet=self.quiet) as advance:
            packer = _Packer([planned for planned in plan if not planned.source.is_folder], report)
            count = 0
            for count, part in enumerate(packer.parts(), 1):
                workspace.write(f"{staging}/part-{count - 1}", part)
                advance(len(part))
        folders = [[planned.target, planned.source.mode] for planned in plan if planned.source.is_folder]
        request = {"staging": staging, "parts": count, "files": packer.manifest, "folders": folders}
        workspace.ask(GUEST, "unpack", force=self.force, **request)
        workspace.ask(GUEST, "discard", staging=staging)
        return report

    def _plan(self, workspace: Workspace, roots: Sequence[Root]) -> list[Planned]:
        into_folder = len(roots) > 1 or self.destination == "" or self.destination.endswith("/")
        into_folder = into_folder or workspace.ask(GUEST, "look", paths=[self.destination]) == ["folder"]
        plan = [
            Planned(
                source, posixpath.join(self.destination, root.name if into_folder else "", *source.parts).rstrip("/")
            )
            for root in roots
            for source in root.sources
        ]
        plan = [planned for planned in plan if planned.target not in ("", ".")]
        self._check(workspace, plan)
        return plan

    def _check(self, workspace: Workspace, plan: Sequence[Planned]) -> None:
        """Refuse what could not be finished, before anything is sent."""
        files = [planned.target for planned in plan]
        if len(set(files)) < len(files):
            raise AgentcoreSandboxError("FileExists", "two files would get one name", "copy them one by one")
        if not files:
            return
        kinds = workspace.ask(GUEST, "look", paths=files)
        for planned, kind in zip(plan, kinds, strict=False):
            where = f"{planned.target} exists in the session"
            if kind and (kind == "folder") != planned.source.is_folder:
                raise AgentcoreSandboxError("FileExists", f"{where} and is a {kind}", "choose another target")
            if kind and not planned.source.is_folder and not self.force:
                raise AgentcoreSandboxError("FileExists", where, "add --force to replace it")


class _Packer:
    """Cuts the contents of all files, one after another, into parts; notes size and SHA-256 of each file.

    Args:
        files: What to read.
        report: Takes each file that was read.
    """

    def __init__(self, files: Sequence[Planned], report: Report) -> None:
        self._files = files
        self._report = report
        self.manifest: list[list[str | int]] = []

    def parts(self) -> Iterator[bytes]:
        """Yield parts of `PART_BYTES` and up to a block more, the last one shorter."""
        buffer = bytearray()
        for planned in self._files:
            for block in self._read(planned):
                buffer += block
                if len(buffer) >= PART_BYTES:
                    yield bytes(buffer)
                    buffer.clear()
        if buffer:
            yield bytes(buffer)

    def _read(self, planned: Planned) -> Iterator[bytes]:
        sha, size = hashlib.sha256(), 0
        try:
            with _open(planned.source) as file:
                while block := file.read(BLOCK_BYTES):
                    sha.update(block)
                    size += len(block)
                    yield block
        except OSError as error:
            raise local_tree.local_failure(planned.source.path or Path("standard input"), error) from None
        self.manifest.append([planned.target, planned.source.mode, size, sha.hexdigest()])
        name = STANDARD_STREAM if planned.source.path is None else str(planned.source.path)
        self._report.copied.append(Copied(name, planned.target, size, sha.hexdigest()))


def _open(source: Source) -> AbstractContextManager[BinaryIO]:
    if source.path is not None:
        return source.path.open("rb")
    if sys.stdin is None:
        raise AgentcoreSandboxError("LocalFile", "standard input is closed", "give it a file or a pipe")
    return nullcontext(sys.stdin.buffer)
