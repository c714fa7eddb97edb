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
CLI, TOOLS = "cli", "tools"
"""What a skill works with: the command line in the Bash tool, or the tools of the plugin's server."""
_TYPED = "typed"


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

    def arm(self, prompt: object, kind: str) -> None:
        """Remember that a prompt is a skill's, of one kind.

        Raises:
            Refusal: The id of the prompt is not there, or not of a form that can name a file.
            OSError: It cannot be written down.
        """
        name = _name(kind, prompt)
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._write(name)

    def note_typed(self, prompt: object) -> None:
        """Remember that the user has typed a prompt, where that matters."""
        if os.path.isdir(self._folder):
            self._write(_name(_TYPED, prompt))

    def kinds(self, prompt: object) -> set[str]:
        """The kinds of skill whose tools a turn may use, none for a free one.

        A turn that nobody has typed, or whose prompt has no id, may be any skill's that has run in its session.
        """
        if not os.path.isdir(self._folder):
            return set()
        os.utime(self._folder)
        names = os.listdir(self._folder)
        armed = {name.partition(".")[0] for name in names} - {_TYPED}
        if prompt is None:
            return armed
        own = {kind for kind in armed if _name(kind, prompt) in names}
        return own or (set() if _name(_TYPED, prompt) in names else armed)

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
