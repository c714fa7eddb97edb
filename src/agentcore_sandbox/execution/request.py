"""What `run` and `exec` are asked to do: the program, what is copied before and after it, and where results go."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.parser import add_archive, add_force, add_no_hidden, add_raw, byte_count, positive_seconds
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.execution import program
from agentcore_sandbox.policy import lock
from agentcore_sandbox.policy.lock import allow

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from agentcore_sandbox.execution.program import Program
    from agentcore_sandbox.policy.lock import Rule
    from agentcore_sandbox.sessions.workspace import Workspace
    from agentcore_sandbox.transfer.archive import Archive
    from agentcore_sandbox.transfer.report import Copied, Report
    from agentcore_sandbox.transfer.upload import Upload


class Transfers:
    """What is copied around a program.

    Args:
        uploads: Pairs of a path or glob here and a path in the session, empty for the work folder.
        downloads: Pairs of a path or glob in the session and a path here.
        force: Replace files that are there.
        hidden: Fetch hidden files too.
        quiet: Show no progress.
        archive: What is unpacked in the session before anything is copied there, and was checked.

    Attributes:
        archive: The same.
        uploaded: The files that were sent.
        downloaded: The files that were fetched.
    """

    def __init__(
        self,
        uploads: Sequence[tuple[str, str]] = (),
        downloads: Sequence[tuple[str, str]] = (),
        *,
        force: bool = False,
        hidden: bool = True,
        quiet: bool = False,
        archive: Archive | None = None,
    ) -> None:
        self.uploads, self.downloads, self.archive = uploads, downloads, archive
        self.uploaded: list[Copied] = []
        self.downloaded: list[Copied] = []
        self._force, self._hidden, self._quiet = force, hidden, quiet

    def send(self, workspace: Workspace) -> dict[str, str]:
        """Copy into the session; return what was left out and why."""
        self.uploaded.clear()
        if self.archive:
            from agentcore_sandbox.transfer.archive import restore

            self.uploaded.append(restore(workspace, self.archive, force=self._force, quiet=self._quiet))
        reports = [upload.run(workspace) for upload in self._uploads()]
        return _collect(reports, self.uploaded)

    def fetch(self, workspace: Workspace) -> dict[str, str]:
        """Copy out of the session; return what was left out and why."""
        from agentcore_sandbox.transfer.download import Download

        skipped: dict[str, str] = {}
        for source, target in self.downloads:
            task = Download([source], target, force=self._force, hidden=self._hidden, quiet=self._quiet)
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

        return [Upload([source], target, force=self._force, quiet=self._quiet) for source, target in self.uploads]


class ExecutionRequest(NamedTuple):
    """A checked request to execute a program.

    Attributes:
        program: What to execute.
        time_limit: Seconds it may take, None for the service's limit.
        output: Where its results go.
        transfers: What is copied before and after it.
        artifacts: The folder for images and files in results, None to only mention them.
        follow: Run it as a process of its own, with its output while it runs.
    """

    program: Program
    time_limit: float | None
    output: Output
    transfers: Transfers
    artifacts: Path | None = None
    follow: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to execute and how to print it."""
    program.add_arguments(parser)
    program.add_stdin(parser)
    about = "forget the session's variables first"
    allow(parser.add_argument("--clear-context", action="store_true", help=about))
    about = "show output while the program runs, in a process of its own without the session's variables"
    allow(parser.add_argument("--follow", action="store_true", help=about))
    about = "limit on this execution, exit status 124; the session's lifetime is --timeout"
    allow(parser.add_argument("--exec-timeout", metavar="SECONDS", type=positive_seconds, help=about))
    about = "keep only the head and the tail of each output stream, this many bytes together"
    allow(parser.add_argument("--max-output", metavar="BYTES", type=byte_count, help=about))
    about = "save images and files that a result carries into a folder"
    allow(parser.add_argument("--artifacts", metavar="DIR", type=Path, help=about), lock.output_folder)
    add_archive(parser)
    add_transfers(parser)
    add_raw(parser)


def add_transfers(parser: argparse.ArgumentParser, arrival: Rule = lock.downloads) -> None:
    """Add the arguments that say what is copied around a program; `arrival` is the rule for where it comes."""
    copies = partial(parser.add_argument, action="append", default=[], metavar="SRC[:DST]")
    about = "copy a file, folder or glob into the session before the program starts; repeatable"
    allow(copies("--upload", type=_split_upload, dest="uploads", help=about), lock.uploads)
    about = "copy out of the session when the program has ended, also when it failed; repeatable"
    allow(copies("--download", type=_split_download, dest="downloads", help=about), arrival)
    add_force(parser, "uploads and downloads may replace files")
    add_no_hidden(parser)


def read(
    *,
    clear_context: bool,
    exec_timeout: float | None,
    max_output: int | None,
    artifacts: Path | None,
    uploads: Sequence[tuple[str, str]],
    downloads: Sequence[tuple[str, str]],
    force: bool,
    hidden: bool,
    raw: bool,
    follow: bool,
    archive: Path | None,
    as_json: bool,
    **given: Any,
) -> ExecutionRequest:
    """Check everything that can be checked before anything is started; `given` goes to `program.read_with_input`.

    Raises:
        UsageError: Something is wrong with it.
    """
    chosen = program.read_with_input(**given, clear_context=clear_context)
    transfers = read_transfers(uploads, downloads, force=force, hidden=hidden, quiet=as_json)
    transfers.archive = read_archive(archive)
    if follow:
        _check_follow(chosen, artifacts)
    return ExecutionRequest(
        program=chosen,
        time_limit=exec_timeout,
        output=Output(as_json=as_json, raw=raw, limit=max_output),
        transfers=transfers,
        artifacts=artifacts,
        follow=follow,
    )


def read_archive(path: Path | None) -> Archive | None:
    """Check the archive of `add_archive` before anything is started; raises what `transfer.archive.check` does."""
    if path is None:
        return None
    from agentcore_sandbox.transfer.archive import check

    return check(path)


def read_transfers(
    uploads: Sequence[tuple[str, str]],
    downloads: Sequence[tuple[str, str]],
    *,
    force: bool,
    hidden: bool,
    quiet: bool,
) -> Transfers:
    """Check what `add_transfers` has declared.

    Raises:
        UsageError: Something is wrong with it.
    """
    transfers = Transfers(uploads, downloads, force=force, hidden=hidden, quiet=quiet)
    transfers.check()
    return transfers


def _check_follow(program: Program, artifacts: Path | None) -> None:
    """Refuse what a program in a process of its own cannot do."""
    if artifacts is not None:
        raise UsageError(
            "--follow and --artifacts do not go together: only the result of an execution carries images",
            "write a file and fetch it with --download",
        )
    if program.clear_context:
        raise UsageError("--follow and --clear-context do not go together", "with --follow there are no variables yet")


def _split_upload(word: str) -> tuple[str, str]:
    # A name here may have a colon in it, as a drive of Windows has.
    if os.path.exists(word):  # noqa: PTH110 - Path.exists raises for a name that is too long
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
