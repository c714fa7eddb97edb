"""Pure functions over untrusted text: what a terminal may see, and how much of it."""

from __future__ import annotations

import re

# Select Graphic Rendition with colours, bold, italic, underline and their ends; not conceal (8).
_COLOUR_PARAMETER = (
    r"(?:[34]8[;:]5[;:]\d{1,3}|[34]8[;:]2(?:[;:]\d{1,3}){3}|0?[0-79]|2[1-79]|3[0-79]|4[0-79]|9[0-7]|10[0-7])"
)
_COLOUR = rf"\x1b\[(?:{_COLOUR_PARAMETER}(?:;{_COLOUR_PARAMETER})*)?m"
# C0 but for newline and tab, DEL, C1, the bidirectional controls, zero-width marks and lone surrogates.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
_PATTERN = re.compile(rf"(?P<colour>{_COLOUR})|{_CONTROL}")
_C0_END = 0x20
_TWO_DIGITS = 0xFF


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
    return f"\\x{code:02x}" if code <= _TWO_DIGITS else f"\\u{code:04x}"


def plain(text: str) -> str:
    """One line without any control character or colour, for a table's cell."""
    return visible(text.replace("\x1b", "^[")).replace("\n", "^J").replace("\t", " ")


def keep_head_and_tail(text: str, limit: int) -> tuple[str, int]:
    """Keep the first and last `limit // 2` bytes of the UTF-8 form, cut between characters.

    Args:
        text: Any text.
        limit: Bytes to keep, at least 0; the line that marks the cut comes on top.

    Returns:
        The shortened text, and how many bytes are left out of it.
    """
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text, 0
    head = data[: limit - limit // 2].decode("utf-8", "ignore")
    tail = data[len(data) - limit // 2 :].decode("utf-8", "ignore")
    omitted = len(data) - len(head.encode()) - len(tail.encode())
    return f"{head}\n[... {omitted} bytes left out ...]\n{tail}", omitted
