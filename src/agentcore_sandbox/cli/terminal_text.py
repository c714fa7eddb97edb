"""Pure functions over untrusted text: what a terminal may see, and how much of it."""

from __future__ import annotations

import json
import re

# Select Graphic Rendition with colours, bold, italic, underline and their ends; not conceal (8).
_COLOUR_PARAMETER = (
    r"(?:[34]8[;:]5[;:]\d{1,3}|[34]8[;:]2(?:[;:]\d{1,3}){3}|0?[0-79]|2[1-79]|3[0-79]|4[0-79]|9[0-7]|10[0-7])"
)
_COLOUR = rf"\x1b\[(?:{_COLOUR_PARAMETER}(?:;{_COLOUR_PARAMETER})*)?m"
# C0 but for newline and tab, DEL, C1, the bidirectional controls, invisible marks and tags, and lone surrogates.
# Not the zero-width joiners U+200C and U+200D, without which some scripts and emoji cannot be written.
_CONTROL = (
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
_PATTERN = re.compile(rf"(?P<colour>{_COLOUR})|{_CONTROL}")
_C0_END = 0x20
_TWO_DIGITS = 0xFF
_FOUR_DIGITS = 0xFFFF
_LATER_BYTE = 0x80  # of a character in UTF-8: from here on
_FIRST_BYTE = 0xC0  # of one with several bytes: from here on
_LONGEST = 4  # bytes of a character


def visible(text: str) -> str:
    r"""Show each control character but newline, tab and colours: ESC as `^[`, others like `\u202e`.

    Text that sets a colour gets a reset at its end, so that what follows is not coloured by it.
    """
    shown = _PATTERN.sub(_show, text)
    return shown + "\x1b[0m" if "\x1b[" in shown else shown


def _show(match: re.Match[str]) -> str:
    if match["colour"]:
        return match[0]
    code = ord(match[0])
    if code < _C0_END:
        return "^" + chr(code + 64)
    if code <= _TWO_DIGITS:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _FOUR_DIGITS else f"\\U{code:08x}"


def escaped(json_text: str) -> str:
    """JSON with each control character as the escape that JSON has for it; the text stays the same JSON."""
    return re.sub(_CONTROL, lambda match: json.dumps(match[0])[1:-1], json_text)


def plain(text: str) -> str:
    """One line without any control character or colour, for a table's cell."""
    return visible(text.replace("\x1b", "^[")).replace("\n", "^J").replace("\t", " ")


class HeadAndTail:
    """Keeps the first and the last bytes of what comes piece by piece, and holds little more than them in memory.

    Args:
        limit: Bytes to keep, at least 1; the line that marks the cut comes on top.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._head = b""
        self._tail = b""

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        self._size += len(data)
        room = self._limit - len(self._head)
        self._head += data[:room]
        self._tail = (self._tail + data[room:])[-self._limit :]

    def result(self) -> tuple[bytes, int]:
        """What is kept, cut between characters where it is UTF-8, and how many bytes are left out of it."""
        if self._size <= self._limit:
            return self._head, 0
        half = self._limit // 2
        head = _without_end(self._head[: self._limit - half])
        tail = _without_start((self._head + self._tail)[-half:] if half else b"")
        omitted = self._size - len(head) - len(tail)
        return b"%b\n[... %d bytes left out ...]\n%b" % (head, omitted, tail), omitted


def _without_end(data: bytes) -> bytes:
    """Drop a character at the end that lacks some of its bytes."""
    for start in range(1, min(_LONGEST, len(data) + 1)):
        byte = data[-start]
        if byte >= _FIRST_BYTE:
            is_whole = start >= (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)  # noqa: PLR2004 - UTF-8
            return data if is_whole else data[:-start]
        if byte < _LATER_BYTE:
            break
    return data


def _without_start(data: bytes) -> bytes:
    """Drop the last bytes of a character whose first ones are missing."""
    for start in range(_LONGEST):
        if not _LATER_BYTE <= (data[start : start + 1] or b"\0")[0] < _FIRST_BYTE:
            return data[start:]
    return data


def keep_head_and_tail(text: str, limit: int) -> tuple[str, int]:
    """Shorten a text as `HeadAndTail` does; returns it, and how many bytes are left out of it."""
    held = HeadAndTail(limit)
    held.add(text.encode("utf-8", "surrogatepass"))
    kept, omitted = held.result()
    return kept.decode("utf-8", "surrogatepass"), omitted
