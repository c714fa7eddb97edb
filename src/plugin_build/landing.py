"""Move a finished commit and its tag into a repository that people work in: both or neither."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import TYPE_CHECKING

from plugin_build.errors import BuildError
from plugin_build.git import Repository, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

# A process of its own, so that a publisher that dies does not stop it half way; it has all it needs in its arguments.
# "$1" is the old tree or commit, "$2" the new one, "$3" the transaction. Where another publisher was quicker, index and
# files go to what HEAD is by then.
SCRIPT = """
git read-tree -m -u "$1" "$2" || exit 1
printf '%s\\n' "$3" | git update-ref --stdin >/dev/null && exit 0
git read-tree -m -u "$2" "$(git rev-parse --verify --quiet HEAD || echo "$1")"
exit 1
"""
POSTPONED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


@contextlib.contextmanager
def signals_postponed() -> Iterator[None]:
    """Hold interruptions back, from the children too, for the few milliseconds in which references move."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, POSTPONED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def bring_objects(target: Repository, source: Repository, tag: str) -> None:
    """Copy the commit at the source's HEAD and its tag; no reference of the target moves yet."""
    path = str(source.path)
    target.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", path, "HEAD", f"refs/tags/{tag}")


def cloned_at(source: Repository, branch: str) -> str | None:
    """The commit that the target's branch was at when the source was cloned from it, None if it had none."""
    return source.resolve(f"refs/remotes/origin/{branch}")


def reference_updates(target: Repository, source: Repository, tag: str) -> str:
    """The transaction for `git update-ref --stdin`: each line names the value it expects, as it was when cloned."""
    branch, tag = target.branch(), f"refs/tags/{tag}"
    old = cloned_at(source, branch) or "0" * 40
    lines = [f"update refs/heads/{branch} {source.git('rev-parse', 'HEAD')} {old}"]
    tag_id = source.git("rev-parse", tag)
    if target.resolve(tag) != tag_id:
        lines.append(f"create {tag} {tag_id}")
    return "\n".join(["start", *lines, "prepare", "commit"])


def land(target: Repository, source: Repository, tag: str) -> None:
    """Bring the commit at the source's HEAD and its tag to the branch that the target is on.

    Args:
        target: A clean repository with a working tree, which follows.
        source: A clone of it with a commit more; `bring_objects` came before.
        tag: A tag of the source; one that the target has already stays.

    Raises:
        BuildError: The target changed meanwhile; it is as it was.
    """
    updates = reference_updates(target, source, tag)
    old = cloned_at(source, target.branch()) or target.git("hash-object", "-t", "tree", "--stdin")
    command = ["sh", "-c", SCRIPT, "land", old, source.git("rev-parse", "HEAD"), updates]
    with signals_postponed():
        done = subprocess.run(
            command,
            cwd=target.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BuildError(f"{target.path} changed meanwhile and is left as it is: {done.stderr.strip()}")
