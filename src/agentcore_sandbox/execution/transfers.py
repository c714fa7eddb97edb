"""`--upload` and `--download` of `run` and `exec`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agentcore_sandbox.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.report import Copied, Report
    from agentcore_sandbox.transfer.upload import Upload


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "--upload",
        action="append",
        default=[],
        dest="uploads",
        metavar="SRC[:DST]",
        help="copy a file, folder or glob into the session before the program starts; repeatable",
    )
    parser.add_argument(
        "--download",
        action="append",
        default=[],
        dest="downloads",
        metavar="SRC[:DST]",
        help="copy out of the session when the program has ended, also when it failed; repeatable",
    )
    parser.add_argument("--force", action="store_true", help="uploads and downloads may replace files")
    add_no_hidden(parser)


def add_no_hidden(parser: argparse.ArgumentParser) -> None:
    """Declare the flag that keeps files which programs obey unseen (.git/hooks, CLAUDE.md) out of a download."""
    about = "leave out what has a name with a dot in front, CLAUDE.md and AGENTS.md when copying out of the session"
    parser.add_argument("--no-hidden", action="store_false", dest="hidden", help=about)


@dataclass
class Transfers:
    """What is copied around a program.

    Attributes:
        uploads: Pairs of a path or glob here and a path in the session, empty for the work folder.
        downloads: Pairs of a path or glob in the session and a path here.
        force: Replace files that are there.
        hidden: Fetch hidden files too.
        quiet: Show no progress.
        uploaded: The files that were sent.
        downloaded: The files that were fetched.
    """

    uploads: Sequence[tuple[str, str]] = ()
    downloads: Sequence[tuple[str, str]] = ()
    force: bool = False
    hidden: bool = True
    quiet: bool = False
    uploaded: list[Copied] = field(default_factory=list)
    downloaded: list[Copied] = field(default_factory=list)

    def send(self, workspace: Workspace) -> dict[str, str]:
        """Copy into the session; return what was left out and why."""
        self.uploaded.clear()
        reports = [upload.run(workspace) for upload in self._uploads()]
        return _collect(reports, self.uploaded)

    def fetch(self, workspace: Workspace) -> dict[str, str]:
        """Copy out of the session; return what was left out and why."""
        from agentcore_sandbox.transfer.download import Download

        skipped: dict[str, str] = {}
        for source, target in self.downloads:
            task = Download([source], target, force=self.force, hidden=self.hidden, quiet=self.quiet)
            skipped |= _collect([task.run(workspace)], self.downloaded)
        return skipped

    def check(self) -> None:
        """Find out what is missing here before a session is started.

        Raises:
            UsageError: A file is.
        """
        for upload in self._uploads():
            upload.roots()

    def _uploads(self) -> list[Upload]:
        if not self.uploads:
            return []
        from agentcore_sandbox.transfer.upload import Upload

        return [Upload([source], target, force=self.force, quiet=self.quiet) for source, target in self.uploads]


def read(uploads: Sequence[str], downloads: Sequence[str], *, force: bool, hidden: bool, quiet: bool) -> Transfers:
    """Check the flags.

    Raises:
        UsageError: A path is empty.
    """
    return Transfers(
        [_split_upload(word) for word in uploads], [_split_download(word) for word in downloads], force, hidden, quiet
    )


def _split_upload(word: str) -> tuple[str, str]:
    # A name here may have a colon in it, as a drive of Windows has.
    if Path(word).exists():
        return word, ""
    source, colon, target = word.rpartition(":")
    return _checked(source if colon else word, "--upload"), target if colon else ""


def _split_download(word: str) -> tuple[str, str]:
    source, _, target = word.partition(":")
    return _checked(source, "--download"), target or "."


def _checked(path: str, flag: str) -> str:
    if path in ("", "-"):
        raise UsageError(f"{flag} needs a path", f"such as {flag} data.csv or {flag} data.csv:folder/")
    return path


def _collect(reports: Sequence[Report], copied: list[Copied]) -> dict[str, str]:
    for report in reports:
        copied += report.copied
    return {path: reason for report in reports for path, reason in report.skipped.items()}
