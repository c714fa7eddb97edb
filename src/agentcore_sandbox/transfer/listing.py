"""What a session's guest tells of files. Checked in form here; where a name may be written is `local_tree`'s matter."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from agentcore_sandbox.errors import UnexpectedAnswerError
from agentcore_sandbox.transfer.local_tree import base_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentcore_sandbox.sessions.workspace import Workspace

GUEST = "files"
FILE, FOLDER, LINK = "file", "folder", "link"
ANY_DEPTH = 1000
_KINDS = (FILE, FOLDER, LINK, "other")
_PERMISSIONS = 0o777
# Claude Code obeys these as its user's word, in any folder that it looks into.
INSTRUCTIONS = ("claude.md", "claude.local.md", "agents.md")
_LARGEST = 1 << 50  # bytes, more than any session has


@dataclass(frozen=True)
class Entry:
    """One file, folder or link in a session.

    Attributes:
        root: The path that was asked for.
        relative: The path below it, empty for itself. Untrusted.
        kind: file, folder, link or other.
        size: Bytes of a file.
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

    @property
    def is_hidden(self) -> bool:
        """Whether it, or a folder that it comes in, has a name that is not shown, or that is obeyed without a look."""
        names = (base_name(self.root), *self.relative.split("/"))
        return any(name.startswith(".") or name.casefold() in INSTRUCTIONS for name in names)


def scan(workspace: Workspace, patterns: Sequence[str], *, depth: int = ANY_DEPTH) -> list[Entry]:
    """Find paths and globs in a session.

    Args:
        workspace: The session's.
        patterns: Relative to the work directory, or absolute.
        depth: How many levels below each folder are told.

    Raises:
        AgentcoreSandboxError: `SessionFile` where there is none, `UnexpectedAnswer`.
    """
    answer = workspace.ask(GUEST, "scan", patterns=list(patterns), depth=depth)
    try:
        roots = [_root(str(root), patterns) for root in answer["roots"]]
        return [_entry(roots, item) for item in answer["entries"]]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError):
        raise UnexpectedAnswerError("the session's list of files makes no sense") from None


def _root(root: str, patterns: Sequence[str]) -> str:
    """A path that the session says was found, if it was asked for: in a folder here it gets its own name."""
    if root not in patterns and not any(_matches(root.split("/"), pattern.split("/")) for pattern in patterns):
        raise ValueError(root)
    return root


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether a path is one that `glob` finds with a pattern, both split at slashes."""
    if not patterns or not names:
        return not patterns and not names
    if patterns[0] == "**":
        below = not names[0].startswith(".") and _matches(names[1:], patterns)
        return below or _matches(names, patterns[1:])
    hidden = names[0].startswith(".") and not patterns[0].startswith(".")
    here = fnmatchcase(names[0], patterns[0]) if glob.has_magic(patterns[0]) else names[0] == patterns[0]
    return here and not hidden and _matches(names[1:], patterns[1:])


def _entry(roots: Sequence[str], item: Any) -> Entry:
    number, relative, kind, size, mode, modified = item
    if kind not in _KINDS or not 0 <= int(size) <= _LARGEST or not 0 <= int(number) < len(roots):
        raise ValueError(item)
    return Entry(roots[int(number)], str(relative), kind, int(size), int(mode) & _PERMISSIONS, float(modified))
