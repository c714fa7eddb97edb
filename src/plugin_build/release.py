"""Release the source: set the version in its one place, date the changelog, check, build, commit, tag."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from plugin_build.git import Repository
from plugin_build.source_tree import VERSION_FILE, BuildError, Project, add_root

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

CHANGELOG = "CHANGELOG.md"
UNRELEASED = "## Unreleased\n"


def numbers(version: str) -> tuple[int, ...]:
    """A version's three numbers.

    Raises:
        BuildError: It is not of the form `X.Y.Z`.
    """
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        raise BuildError(f"{version!r} is not a version of the form X.Y.Z")
    return tuple(int(part) for part in version.split("."))


def notes_of(changelog: str, heading: str) -> str:
    """What stands below the first heading that begins so, up to the next of its level; empty without one."""
    found = re.search(rf"^## {re.escape(heading)}\b.*?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def dated(changelog: str, version: str, day: date) -> str:
    """The changelog with the section `Unreleased` turned into the version's, unless that has one already.

    Raises:
        BuildError: Neither section says anything.
    """
    if notes_of(changelog, version):
        return changelog
    if not re.search(r"^[-*] ", notes_of(changelog, "Unreleased"), re.MULTILINE):
        raise BuildError(f"{CHANGELOG} says nothing under 'Unreleased'; tell users what changes in {version}")
    return changelog.replace(UNRELEASED, f"{UNRELEASED}\n## {version} - {day.isoformat()}\n", 1)


def check_releasable(project: Project, version: str) -> None:
    """Refuse before anything is touched.

    Raises:
        BuildError: Changes are not committed, the version is not new, or its tag is there.
    """
    repository = Repository(project.root)
    if repository.files_changed():
        raise BuildError("the working tree has changes; commit or stash them first")
    repository.branch()
    if repository.resolve(f"refs/tags/v{version}"):
        raise BuildError(f"v{version} is already released")
    if numbers(version) < numbers(project.version):
        raise BuildError(f"{version} is older than the present version {project.version}")


@contextlib.contextmanager
def undone_on_failure(repository: Repository) -> Iterator[None]:
    """Take back the edits and the commit of a release that fails or is interrupted, and nothing else."""
    before = repository.git("rev-parse", "HEAD")
    try:
        yield
    except BaseException:
        repository.git("reset", "--quiet", "--soft", before)
        repository.git("restore", "--source", before, "--staged", "--worktree", "--", VERSION_FILE, CHANGELOG)
        raise


def run_step(root: Path, command: Sequence[str]) -> None:
    """Run one of the release's checks, its output going to the terminal.

    Raises:
        BuildError: It failed.
    """
    if subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, check=False).returncode:
        raise BuildError(f"{' '.join(command)} failed; nothing was released")


def commit_and_tag(repository: Repository, version: str, notes: str) -> None:
    """Commit the two files, and tag the commit with the notes.

    Raises:
        BuildError: A step of the checks changed other files, or git refuses.
    """
    repository.git("add", VERSION_FILE, CHANGELOG)
    if repository.git("diff", "--name-only"):
        raise BuildError("the checks changed files of the source; commit those first")
    if repository.git("diff", "--cached", "--name-only"):
        repository.git("commit", "--quiet", "--message", f"Release {version}")
    message = f"{version}\n\n{notes}"
    repository.git("tag", "--annotate", "--cleanup=verbatim", "--message", message, f"v{version}")


def release(project: Project, version: str, steps: Sequence[Sequence[str]], day: date, *, dry_run: bool = False) -> str:
    """Release the source as a version.

    Args:
        project: The source tree, a repository.
        version: The new version, such as `0.2.0`.
        steps: Commands that check, build and validate with the version set; a failing one ends the release.
        day: The day for the changelog.
        dry_run: Change nothing and run no step.

    Returns:
        What was done and what to do next; with `dry_run` what would be done.

    Raises:
        BuildError: Nothing was released; the source is as it was.
    """
    check_releasable(project, version)
    repository, changelog = Repository(project.root), project.root / CHANGELOG
    text = dated(changelog.read_text("utf-8"), version, day)
    if dry_run:
        commands = "\n".join(f"  {shlex.join(step)}" for step in steps)
        return (
            f"{project.version} becomes {version}, after these steps:\n{commands}\n"
            f"commit and tag v{version} would say:\n\n{notes_of(text, version)}"
        )
    with undone_on_failure(repository):
        project.set_version(version)
        changelog.write_text(text, "utf-8")
        for step in steps:
            run_step(project.root, step)
        commit_and_tag(repository, version, notes_of(text, version))
    return f"v{version} is built, committed and tagged; next: git push --atomic origin {repository.branch()} v{version}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `release`."""
    add_root(parser)
    parser.add_argument("version", help="the new version, such as 0.2.0")
    parser.add_argument("--dry-run", action="store_true", help="check and print what would be done, change nothing")
    parser.add_argument("--nox", required=True, metavar="PYTHON", help="the Python that nox runs with")


def run(options: argparse.Namespace) -> str:
    """Release the source as a version; the checks and the build are nox sessions of the source."""
    nox = [options.nox, "-m", "nox", "--session"]
    steps = [[*nox, "lint", "types", "tests"], [*nox, "build", "plugin"]]
    today = datetime.now(timezone.utc).date()
    return release(options.project, options.version, steps, today, dry_run=options.dry_run)
