"""Run git in one repository: plain text in and out, errors as one sentence, no secret of a URL in them."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_build.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")

# Set by git for its hooks: they would turn our commands to the repository the build was called from.
LOCATION_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


def redact(text: str) -> str:
    """Text with user names, passwords and tokens in URLs replaced."""
    return USER_INFO.sub("***@", text)


def environment() -> dict[str, str]:
    """The caller's environment (identity, keys, proxy) without another repository's place in it."""
    return {
        **{name: value for name, value in os.environ.items() if name not in LOCATION_VARIABLES},
        "LC_ALL": "C",
    }


@dataclass(frozen=True)
class Repository:
    """A git repository on disk, bare or with a working tree."""

    path: Path

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Run a git command and return its output without the final newline.

        Raises:
            BuildError: git is missing or failed; the message is git's own.
        """
        done = self._run(*arguments, stdin=stdin)
        if done.returncode:
            reason = (done.stderr or done.stdout).strip() or f"status {done.returncode}"
            raise BuildError(redact(f"git {arguments[0]} failed: {reason}"))
        return done.stdout.removesuffix("\n")

    def resolve(self, revision: str) -> str | None:
        """The id of a commit, tag, tree or file, or None where there is none."""
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        return done.stdout.strip() if done.returncode == 0 else None

    def _run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", "-C", str(self.path), *arguments],  # noqa: S607 - the user's own git, from PATH
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                env=environment(),
                check=False,
            )
        except FileNotFoundError as error:
            raise BuildError("git is not installed; install it and try again") from error

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
        done = self._run("config", "--get", f"branch.{self.branch()}.remote")
        return done.stdout.strip() or "origin"
