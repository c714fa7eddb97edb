"""Which prompts are a skill's: a file for each, named after session and prompt, below the plugin's own data folder.

A mark stays until its session ends, and the next prompt has another id. `Stop` is no end: when another hook blocks it,
the same prompt goes on under the same id, and must go on guarded (seen with Claude Code 2.1.197).
"""

from __future__ import annotations

import os
import time

from skill_guard.refusal import Refusal

LONGEST_IDENTIFIER = 100
KEPT = 14 * 24 * 3600  # seconds; of sessions that were killed and ended without a word


class Marks:
    """The marks of all sessions.

    Args:
        data: The plugin's data folder.
    """

    def __init__(self, data: str) -> None:
        self.folder = os.path.join(data, "guard")

    def add(self, session: object, prompt: object) -> None:
        """Remember that a prompt is a skill's.

        Raises:
            Refusal: The ids are not there, or not of a form that can name a file.
            OSError: The mark cannot be written.
        """
        name = f"{_identifier(session)}.{_identifier(prompt)}"
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with open(os.path.join(self.folder, name), "wb"):
            pass

    def has(self, session: object, prompt: object) -> bool:
        """Whether a prompt is a skill's; where it has no id, whether any of its session is."""
        if prompt is None:
            return any(self._of(session))
        return os.path.exists(os.path.join(self.folder, f"{_identifier(session)}.{_identifier(prompt)}"))

    def remove(self, session: object) -> None:
        """Forget the prompts of a session that ended."""
        for name in self._of(session):
            self._forget(name)

    def remove_old(self) -> None:
        """Forget what sessions that were killed have left."""
        for name in self._names():
            if os.stat(os.path.join(self.folder, name)).st_mtime < time.time() - KEPT:
                self._forget(name)

    def _forget(self, name: str) -> None:
        try:
            os.unlink(os.path.join(self.folder, name))
        except FileNotFoundError:
            pass  # another session's clean-up was quicker

    def _of(self, session: object) -> list[str]:
        return [name for name in self._names() if name.startswith(f"{_identifier(session)}.")]

    def _names(self) -> list[str]:
        return os.listdir(self.folder) if os.path.isdir(self.folder) else []


def _identifier(value: object) -> str:
    letters = value.replace("-", "").replace("_", "") if isinstance(value, str) else ""
    if not isinstance(value, str) or not (letters.isascii() and letters.isalnum()) or len(value) > LONGEST_IDENTIFIER:
        raise Refusal("Claude Code did not say which session and prompt this is; the guard needs a newer version")
    return value
