"""The known name that a mistyped one is near to: for commands, options, choices, sessions and jobs alike."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """The name that a word most likely stands for, mistyped, abbreviated or in another case; empty for none."""
    from difflib import get_close_matches  # here, because only mistakes need it

    names = {name.lower(): name for name in known}
    wanted = word.lower()
    found = [name for name in names if wanted and name.startswith(wanted)] or get_close_matches(wanted, names)
    # The first letters are the ones that people get right: `rum` is sooner `run` than `rm`.
    best = max(found, key=lambda name: _same_letters(name, wanted), default="")
    return names.get(best, "")


def _same_letters(one: str, other: str) -> int:
    """How many letters two words have in common at their beginnings."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def suggestion(word: str, known: Iterable[str]) -> str:
    """The beginning of a hint that names the near name, empty where there is none."""
    name = near(word, known)
    return f"did you mean {name}? " if name else ""
