"""What each word of a call is: a flag, the value of one, or an operand; and which names of files other programs obey.

The plugin ships a copy of this file beside its guard, so that both read a call in the same way. Standard library only.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing is not worth its import in the guard, which runs before every shell command
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

END_OF_FLAGS = "--"
OBEYED = frozenset(
    (
        *("claude.md", "claude.local.md", "agents.md", "gemini.md", "skill.md"),
        *("head", "makefile", "gnumakefile", "conftest.py", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg"),
    )
)
"""Names that agents, git, make, pytest and Python act upon in any folder they look into, in lower case."""


def is_flag(word: str) -> bool:
    """Whether a word is a flag, perhaps with `=VALUE`. Any other that begins with `-` is an operand, such as code."""
    name = word.partition("=")[0]
    letters = name[2:] if name.startswith("--") else name[1:]
    plain = letters.isascii() and letters.replace("-", "").isalnum()
    return name.startswith("-") and letters[:1].isalpha() and plain


def read(words: Sequence[str], takes_value: Callable[[str], bool]) -> Iterator[tuple[str, str | None]]:
    """Tell flags, wherever they stand, from operands.

    Args:
        words: What follows the name of the command.
        takes_value: Of a flag, whether a value follows it; may raise what refuses the flag.

    Yields:
        A flag and its value, None where none is given, whether it takes one or not; or an empty text and an operand.
    """
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == END_OF_FLAGS:
            yield from (("", operand) for operand in words[position:])
            return
        if not is_flag(word):
            yield "", word
            continue
        flag, equals, value = word.partition("=")
        if takes_value(flag) and not equals and position < len(words) and _is_value(words[position]):
            equals, value = "=", words[position]
            position += 1
        yield flag, value if equals else None


def split_session_path(word: str) -> tuple[str | None, str]:
    """Split SESSION:PATH; a word without a colon before its first slash is a path here, with None for the session."""
    session, colon, path = word.partition(":")
    is_drive = os.name == "nt" and len(session) == 1
    if not colon or not session or "/" in session or is_drive:
        return None, word
    return session, path


def is_obeyed(name: str) -> bool:
    """Whether programs act upon a file of this name by themselves; Windows drops dots and blanks at a name's end."""
    folded = name.casefold().partition(":")[0].rstrip(". ")
    return folded in OBEYED or folded.endswith(".pth")


def _is_value(word: str) -> bool:
    return word != END_OF_FLAGS and not is_flag(word)
