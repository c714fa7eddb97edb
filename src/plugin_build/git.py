"""Run git in one repository, and land a finished commit and its tag in a repository that people work in."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_build.source_tree import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
# Set by git for its hooks: they would turn our commands to the repository the build was called from.
_LOCATION_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
_COMMIT_SETTINGS = ("user.", "author.", "committer.", "commit.", "tag.", "gpg.", "i18n.")
# A process of its own, so that a publisher that dies does not stop it half way; it has all it needs in its arguments.
# "$1" is the old tree or commit, "$2" the new one, "$3" the transaction. Where another publisher was quicker, index and
# files go to what HEAD is by then.
_LAND = """
git read-tree -m -u "$1" "$2" || exit 1
printf '%s\\n' "$3" | git update-ref --stdin >/dev/null && exit 0
git read-tree -m -u "$2" "$(git rev-parse --verify --quiet HEAD || echo "$1")"
exit 1
"""
_POSTPONED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def redact(text: str) -> str:
    """Text with user names, passwords and tokens in URLs replaced."""
    return _USER_INFO.sub("***@", text)


@dataclass(frozen=True)
class Repository:
    """A git repository on disk, bare or with a working tree."""

    path: Path

    def git(self, *arguments: str) -> str:
        """Run a git command and return its output without the final newline.

        Raises:
            BuildError: git is missing or failed; the message is git's own, without secrets of a URL.
        """
        done = self._run("git", *arguments)
        if done.returncode:
            reason = (done.stderr or done.stdout).strip() or f"status {done.returncode}"
            raise BuildError(redact(f"git {arguments[0]} failed: {reason}"))
        return done.stdout.removesuffix("\n")

    def resolve(self, revision: str) -> str | None:
        """The id of a commit, tag, tree or file, or None where there is none."""
        done = self._run("git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        return done.stdout.strip() if done.returncode == 0 else None

    def files_changed(self) -> bool:
        """Whether the working tree differs from the last commit, new files included."""
        return bool(self.git("status", "--porcelain"))

    def branch(self) -> str:
        """The branch that HEAD is on, which may have no commit yet.

        Raises:
            BuildError: HEAD is detached.
        """
        return self.git("symbolic-ref", "--short", "HEAD")

    def remote(self) -> str:
        """The remote that the current branch follows, else `origin`."""
        done = self._run("git", "config", "--get", f"branch.{self.branch()}.remote")
        return done.stdout.strip() or "origin"

    def commit_like(self, other: Repository) -> None:
        """Take over who commits in another repository, what is signed there, and with a working tree its hooks."""
        for setting in other.git("config", "--list", "--null").split("\0"):
            name, has_value, value = setting.partition("\n")
            if name.startswith(_COMMIT_SETTINGS):
                self.git("config", "--add", name, value if has_value else "true")
        if other.git("rev-parse", "--is-bare-repository") == "false":
            hooks = other.git("rev-parse", "--git-path", "hooks")
            self.git("config", "core.hooksPath", str(other.path / hooks))

    def land(self, source: Repository, tag: str) -> None:
        """Bring the commit at the source's HEAD and its tag to the branch that this repository is on: both or neither.

        This repository is clean and has a working tree, which follows. The source is a clone of it with a commit more,
        whose objects are here already (`bring_objects`). A tag that is here already stays.

        Raises:
            BuildError: This repository changed meanwhile; it is as it was.
        """
        updates = self._reference_updates(source, tag)
        old = self._cloned_at(source) or self.git("hash-object", "-t", "tree", "/dev/null")
        with _signals_postponed():
            done = self._run("sh", "-c", _LAND, "land", old, source.git("rev-parse", "HEAD"), updates)
        if done.returncode:
            raise BuildError(f"{self.path} changed meanwhile and is left as it is: {done.stderr.strip()}")

    def bring_objects(self, source: Repository, tag: str) -> None:
        """Copy the commit at the source's HEAD and its tag; no reference of this repository moves yet."""
        path = str(source.path)
        self.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", path, "HEAD", f"refs/tags/{tag}")

    def _reference_updates(self, source: Repository, tag: str) -> str:
        """The transaction for `git update-ref --stdin`: each line names the value it expects, as it was when cloned."""
        old = self._cloned_at(source) or "0" * 40
        lines = [f"update refs/heads/{self.branch()} {source.git('rev-parse', 'HEAD')} {old}"]
        tag_id = source.git("rev-parse", f"refs/tags/{tag}")
        if self.resolve(f"refs/tags/{tag}") != tag_id:
            lines.append(f"create refs/tags/{tag} {tag_id}")
        return "\n".join(["start", *lines, "prepare", "commit"])

    def _cloned_at(self, source: Repository) -> str | None:
        """The commit that this branch was at when the source was cloned from it, None if it had none."""
        return source.resolve(f"refs/remotes/origin/{self.branch()}")

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the repository, in the caller's environment without another repository's place in it."""
        kept = {name: value for name, value in os.environ.items() if name not in _LOCATION_VARIABLES}
        try:
            return subprocess.run(
                command,
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                env={**kept, "LC_ALL": "C"},
                check=False,
            )
        except FileNotFoundError as error:
            raise BuildError("git is not installed; install it and try again") from error


@contextlib.contextmanager
def _signals_postponed() -> Iterator[None]:
    """Hold interruptions back, from the children too, for the few milliseconds in which references move."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _POSTPONED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
