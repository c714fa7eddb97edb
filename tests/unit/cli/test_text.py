"""What a terminal may see of untrusted text, and how much is kept of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.cli.terminal_text import HeadAndTail, keep_head_and_tail, plain, visible

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")

SHOWN = {
    "plain \t text\n": "plain \t text\n",
    "\x1b[31mred\x1b[0m": "\x1b[31mred\x1b[0m\x1b[0m",
    "\x1b[1;38;5;208mx": "\x1b[1;38;5;208mx\x1b[0m",
    "\x1b[38;2;1;2;3mx": "\x1b[38;2;1;2;3mx\x1b[0m",
    "\x1b[8mconcealed": "^[[8mconcealed",
    "\x1b[2J\x1b[H": "^[[2J^[[H",
    "\x1b]0;title\x07": "^[]0;title^G",
    "\x1b]52;c;aGk=\x1b\\": "^[]52;c;aGk=^[\\",
    "over\rwritten\x08": "over^Mwritten^H",
    "\x9b31m": "\\x9b31m",
    "\x7f": "\\x7f",
    "safe\u202egpj.exe": "safe\\u202egpj.exe",
    "\ud800": "\\ud800",
    "\u200b": "\\u200b",
    "\U000e0041": "\\U000e0041",
    "\u206a\ufff9": "\\u206a\\ufff9",
    "क्\u200dष 👩\u200d🔬 \u200c": "क्\u200dष 👩\u200d🔬 \u200c",
    "\x1b]8;;https://x\x1b\\link": "^[]8;;https://x^[\\link",
    "\x1bPq\x90\x9d": "^[Pq\\x90\\x9d",
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.items())
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
def test_nothing_but_colours_steers_the_terminal(text: str) -> None:
    rest = COLOUR.sub("", visible(text))
    assert all(
        character in "\n\t" or character.isprintable() or character.isspace() or ord(character) > 0x9F
        for character in rest
    )
    assert not set("\x1b\r\x08\x07\x7f\x9b\u202e\u2066") & set(rest)


@given(ANY_TEXT)
def test_a_cell_is_one_line_without_escapes(text: str) -> None:
    assert not set("\x1b\r\n\t") & set(plain(text))


@given(ANY_TEXT, st.integers(1, 64))
def test_head_and_tail(text: str, limit: int) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    kept, omitted = keep_head_and_tail(text, limit)
    if size <= limit:
        assert (kept, omitted) == (text, 0)
        return
    head, marker, tail = kept.rpartition(f"\n[... {omitted} bytes left out ...]\n")
    assert marker
    assert text.startswith(head)
    assert text.endswith(tail)
    assert size - limit <= omitted <= size


@given(st.lists(st.binary(max_size=20)), st.integers(1, 40))
def test_head_and_tail_of_pieces_of_any_bytes(pieces: list[bytes], limit: int) -> None:
    held = HeadAndTail(limit)
    for piece in pieces:
        held.add(piece)
    whole = b"".join(pieces)
    kept, omitted = held.result()
    if len(whole) <= limit:
        assert (kept, omitted) == (whole, 0)
        return
    head, marker, tail = kept.rpartition(b"\n[... %d bytes left out ...]\n" % omitted)
    assert marker
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert len(whole) - limit <= omitted <= len(whole) - limit + 6
