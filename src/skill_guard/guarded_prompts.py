"""Which turns of a session are guarded: those of a skill's prompt, and those that no user has typed a prompt for.

A call that goes to the background, by request or because it takes long, ends with a notification that starts a turn
of its own (seen with Claude Code 2.1.197 and 2.1.332): there the client knows no skill any more. So once a skill has
run in a session, a turn is free only if its prompt is known to be typed by the user. `Stop` is no end: when another
hook blocks it, the same prompt goes on. Nor is `SessionEnd`: another process may have resumed the same session.

A folder for each session, below the plugin's data folder, holds a file for each of its prompts.
"""

from __future__ import annotations

import os
import time

from skill_guard.scanner import Refusal

LONGEST_IDENTIFIER = 100
KEPT = 14 * 24 * 3600  # seconds after a session's last guarded turn
SKILL, TYPED = "skill", "typed"


class GuardedSession:
    """What is known of one session's prompts.

    Args:
        data: The plugin's data folder.
        session: The id of the session, as an event has it.

    Raises:
        Refusal: The id is not there, or not of a form that can name a folder.
    """

    def __init__(self, data: str, session: object) -> None:
        self._folder = os.path.join(data, "guard", _identifier(session))

    def arm(self, prompt: object) -> None:
        """Remember that a prompt is a skill's.

        Raises:
            Refusal: The id of the prompt is not there, or not of a form that can name a file.
            OSError: It cannot be written down.
        """
        name = _name(SKILL, prompt)
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._write(name)

    def note_typed(self, prompt: object) -> None:
        """Remember that the user has typed a prompt, where that matters."""
        if os.path.isdir(self._folder):
            self._write(_name(TYPED, prompt))

    def guards(self, prompt: object) -> bool:
        """Whether a turn is guarded; one whose prompt has no id is, once a skill has run in its session."""
        if not os.path.isdir(self._folder):
            return False
        os.utime(self._folder)
        return prompt is None or self._has(SKILL, prompt) or not self._has(TYPED, prompt)

    def _has(self, kind: str, prompt: object) -> bool:
        return os.path.exists(os.path.join(self._folder, _name(kind, prompt)))

    def _write(self, name: str) -> None:
        with open(os.path.join(self._folder, name), "wb"):
            pass


def forget_old(data: str) -> None:
    """Forget sessions whose last guarded turn is long ago."""
    parent = os.path.join(data, "guard")
    for name in os.listdir(parent) if os.path.isdir(parent) else []:
        folder = os.path.join(parent, name)
        try:
            if os.stat(folder).st_mtime < time.time() - KEPT:
                for entry in os.listdir(folder):
                    os.unlink(os.path.join(folder, entry))
                os.rmdir(folder)
        except OSError:
            pass  # another session's clean-up was quicker, or it is in use


def _name(kind: str, prompt: object) -> str:
    return f"{kind}.{_identifier(prompt)}"


def _identifier(value: object) -> str:
    letters = value.replace("-", "").replace("_", "") if isinstance(value, str) else ""
    if not isinstance(value, str) or not (letters.isascii() and letters.isalnum()) or len(value) > LONGEST_IDENTIFIER:
        raise Refusal("Claude Code did not say which session and prompt this is; the guard needs a newer version")
    return value
