"""Files of a session: what its helper lists, checked in form, and the folder that the parts of a transfer go through.

Where a listed name may be written on this machine is decided in `local_tree`.
"""

from __future__ import annotations

import glob
import itertools
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from agentcore_sandbox import api
from agentcore_sandbox.cli.signals import gate
from agentcore_sandbox.errors import AgentcoreSandboxError, UnexpectedAnswerError
from agentcore_sandbox.policy.host_files import is_obeyed
from agentcore_sandbox.sessions.workspace import FOLDER as OWN_FOLDER
from agentcore_sandbox.sessions.workspace import helper_command
from agentcore_sandbox.transfer import local_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentcore_sandbox.sessions.workspace import Workspace

HELPER = "files"
FILE, FOLDER = "file", "folder"
_MOST_LEVELS = 256
_KINDS = {FILE: "", FOLDER: "", "link": local_tree.LINK, "other": local_tree.SPECIAL}
_LARGEST = 1 << 50  # bytes, more than any session has
_REMOVAL_SECONDS = 10.0
_LEFT = "parts of the files may stay in the session until a copy an hour or more from now removes them"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or link in a session.

    Attributes:
        root: The path that was asked for.
        relative: The path below it, empty for itself. Untrusted.
        kind: file, folder, link or other.
        size: In bytes, 0 unless it is a file.
        mode: Permissions.
        modified: Seconds since the epoch.
    """

    root: str
    relative: str
    kind: str
    size: int
    mode: int
    modified: float

    @property
    def path(self) -> str:
        """The whole path in the session."""
        return f"{self.root.rstrip('/')}/{self.relative}" if self.relative else self.root

    def exclusion(self, *, hidden: bool) -> str:
        """Why it is not copied, empty where it is.

        Args:
            hidden: Copy also what is not shown, or acted upon without a look, and what is in such a folder.
        """
        names = (local_tree.base_name(self.root), *self.relative.split("/"))
        if not hidden and any(name.startswith(".") for name in names):
            return "hidden"
        if not hidden and any(map(is_obeyed, names)):
            return "a name that programs act upon"
        return _KINDS[self.kind]

    def without_run_bits(self) -> Entry:
        """The same, not executable if it is a file."""
        return self if self.kind == FOLDER else replace(self, mode=self.mode & ~0o111)


def scan(workspace: Workspace, patterns: Sequence[str], *, depth: int | None = None) -> list[Entry]:
    """Find paths and globs in a session.

    Args:
        workspace: The session's.
        patterns: Relative to the work directory, which an empty one stands for, or absolute.
        depth: How many levels below each folder are listed, None for all.

    Raises:
        AgentcoreSandboxError: `SessionFile` where there is none, or too many or too deep; `UnexpectedAnswer`.
    """
    asked = [pattern or "." for pattern in patterns]
    rows = workspace.ask_list(HELPER, "scan", patterns=asked, depth=depth)
    try:
        roots = [_root(row[0], asked) for row in itertools.takewhile(lambda row: len(row) == 1, rows)]
        return [_entry(roots, row) for row in rows[len(roots) :]]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError):
        raise UnexpectedAnswerError(
            "the session's list of files makes no sense", "a program in the session may have changed it"
        ) from None


def _root(root: Any, patterns: Sequence[str]) -> str:
    """A path that the session says was found, if it was asked for: in a folder here it gets its own name."""
    if not isinstance(root, str):
        raise ValueError(root)  # noqa: TRY004 - as all that is wrong with an answer
    if root not in patterns and not any(_matches(root.split("/"), pattern.split("/")) for pattern in patterns):
        raise ValueError(root)
    return root


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether a path is one that `glob` finds with a pattern, both split at slashes."""
    matched = _with_skipped({0}, patterns)  # how much of the pattern what has been seen of the path can be
    for name in names:
        here = {at + 1 for at in matched if at < len(patterns) and _is_match(name, patterns[at])}
        below = set() if name.startswith(".") else {at for at in matched if patterns[at : at + 1] == ["**"]}
        matched = _with_skipped(here | below, patterns)
    return len(patterns) in matched


def _with_skipped(matched: set[int], patterns: Sequence[str]) -> set[int]:
    for at in range(len(patterns)):
        if at in matched and patterns[at] == "**":
            matched.add(at + 1)
    return matched


def _is_match(name: str, pattern: str) -> bool:
    if not glob.has_magic(pattern):
        return name == pattern
    return (pattern.startswith(".") or not name.startswith(".")) and fnmatchcase(name, pattern)


def _entry(roots: Sequence[str], row: Any) -> Entry:
    number, relative, kind, size, mode, modified = row
    is_known = isinstance(relative, str) and kind in _KINDS and relative.count("/") < _MOST_LEVELS
    if not is_known or not 0 <= int(size) <= _LARGEST or not 0 <= int(number) < len(roots):
        raise ValueError(row)
    mode = int(mode) & local_tree.PERMISSIONS
    return Entry(roots[int(number)], relative, kind, int(size), mode, float(modified))


@contextmanager
def session_staging(workspace: Workspace) -> Iterator[str]:
    """Name a folder for the parts of a transfer. Its last request removes it, and after a failure or a signal this.

    Once and without a word: the session may be gone, and what stays is swept up by the helper, as it is after a client
    that was killed.
    """
    name = f"{OWN_FOLDER}/transfer-{uuid.uuid4().hex}"
    try:
        yield name
    except BaseException:
        with gate.closed(left=_LEFT), suppress(AgentcoreSandboxError):
            command = helper_command(HELPER, {"operation": "abandon", "staging": name})
            workspace.answering_within(_REMOVAL_SECONDS).invoke(api.EXECUTE_COMMAND, {"command": command})
        raise
