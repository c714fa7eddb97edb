"""A session's work folder as one file of this machine, a tar.gz, and back into a session.

What a session has packed is hostile: the file gets its name only when all of it has arrived and is checked. What goes
into a session is checked here first, and there again. Nothing is ever unpacked on this machine.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from agentcore_sandbox.api import DISK_BYTES
from agentcore_sandbox.atomic_files import publish, staging_folder
from agentcore_sandbox.cli.status_line import shown
from agentcore_sandbox.cli.units import duration
from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError, UsageError
from agentcore_sandbox.session_helpers import archives
from agentcore_sandbox.transfer import local_tree
from agentcore_sandbox.transfer.download import to_stream
from agentcore_sandbox.transfer.report import Copied, progress_bar
from agentcore_sandbox.transfer.session_tree import HELPER, session_staging
from agentcore_sandbox.transfer.upload import PART_BYTES, send

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agentcore_sandbox.sessions.workspace import Workspace

ARCHIVES = "archives"
LEFT_OUT = "not in it: the variables of running contexts, links, and what lies outside the work folder"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """An archive that was checked; sizes in bytes, `content_size` that of all files in it together.

    Attributes:
        files: How many files are in it.
        skipped: What was left out when it was made: path in the session -> why. Untrusted.
    """

    path: Path
    size: int
    sha256: str
    files: int
    content_size: int
    skipped: Mapping[str, str] = field(default_factory=dict)


def save(
    workspace: Workspace,
    target: Path,
    *,
    exclude: Sequence[str] = (),
    most: int = DISK_BYTES,
    force: bool = False,
    quiet: bool = False,
) -> Archive:
    """Pack a session's work folder into a file of this machine, which nobody else can read.

    Args:
        workspace: The session's.
        target: The file.
        exclude: Globs of what is left out: of whole paths where they have a slash, else of names.
        most: Bytes that the files may have together.
        force: Replace a file that is there.
        quiet: Show no progress.

    Raises:
        AgentcoreSandboxError: `FileExists`, `LocalFile`, `BadArchive`, `SessionFile`, or what the service says.
    """
    place = local_tree.Destination(target.parent, (target.name,))
    place.check(folder=False, force=force)
    with local_tree.local_failures(target), staging_folder(target.parent) as staging, session_staging(workspace) as own:
        remote = f"{own}/work.tar.gz"
        with shown(lambda seconds: f"packing the work folder, {duration(seconds)}", quiet=quiet):
            request = {"archive": remote, "exclude": list(exclude), "most": most}
            skipped = _skipped(workspace.ask(ARCHIVES, "save", once=True, **request))
        temporary, file = staging.create()
        with file:
            to_stream(workspace, remote, file.write, label="save", most=most + most // 8, quiet=quiet)
        workspace.ask(HELPER, "remove", patterns=[own], recursive=True)
        found = check(temporary, most, name=str(target))
        place.check(folder=False, force=force)
        publish(temporary, target, replace=force)
    return Archive(target, found.size, found.sha256, found.files, found.content_size, skipped)


def _skipped(answer: Any) -> dict[str, str]:
    try:
        return {str(path): str(reason) for path, reason in answer}
    except (TypeError, ValueError):
        raise UnexpectedAnswerError("the helper in the session answered something else", "try again") from None


def check(path: Path, most: int = DISK_BYTES, *, name: str = "") -> Archive:
    """Read an archive to its end and look at everything in it; errors call it `name`, if that is given.

    Raises:
        UsageError: There is no such file.
        AgentcoreSandboxError: `BadArchive`: it is damaged, has more than so many bytes in it, or what no work folder
            has: links, devices, paths that lead out. `LocalFile`: it cannot be read.
    """
    with _opened(path) as file:
        digest = hashlib.sha256()
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
        size = file.tell()
        file.seek(0)
        try:
            sizes = [member.size for member, _, content in archives.members(file, most) if content is not None]
        except archives.BadArchiveError as error:
            hint = "only what `agentcore-sandbox save` makes is taken, and archives like that"
            raise AgentcoreSandboxError("BadArchive", f"{name or path}: {error}", hint) from None
    return Archive(path, size, digest.hexdigest(), len(sizes), sum(sizes))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    other = UsageError(f"{path} is no file", "name an archive that `agentcore-sandbox save` has made")
    with local_tree.local_failures(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            raise UsageError(f"no such file: {path}", "nothing was started") from None
        if path.is_dir():  # of which there is no file object
            os.close(descriptor)
            raise other
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise other
            yield file


def restore(workspace: Workspace, archive: Archive, *, force: bool = False, quiet: bool = False) -> Copied:
    """Unpack an archive into a session's work folder; its files are there when all of it has arrived and is checked.

    Raises:
        AgentcoreSandboxError: `SessionFile`: a file is there already, and `force` does not replace it; `LocalFile`, or
            what the service says.
    """
    with session_staging(workspace) as folder, progress_bar("restore", archive.size, quiet=quiet) as meter:
        with _opened(archive.path) as file:
            count = send(workspace, folder, iter(lambda: file.read(PART_BYTES), b""), meter)
        request = {"staging": folder, "parts": count, "sha256": archive.sha256, "most": DISK_BYTES, "force": force}
        workspace.ask(ARCHIVES, "restore", once=True, **request)
    return Copied(str(archive.path), ".", archive.size, archive.sha256)


def carry(old: Workspace, new: Workspace) -> None:
    """Copy the work folder of one session into another; raises what `save` and `restore` raise."""
    with tempfile.TemporaryDirectory(prefix="agentcore-sandbox-") as folder:
        restore(new, save(old, Path(folder) / "work.tar.gz", quiet=True), quiet=True)
