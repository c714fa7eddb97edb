"""One reading of a call on every Python."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_sandbox.cli.parser import Parser, is_flag, read
from agentcore_sandbox.errors import UsageError
from agentcore_sandbox.sessions.named import split_session_path

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTERS = st.one_of(st.text("-=aZ09\u00e9\n :/", max_size=6), st.text(max_size=6))
ANYTHING = LETTERS.filter(lambda word: "\0" not in word)
KNOWN = st.sampled_from(["--value", "--value=", "--switch", "-s", "--list=--", "--", "-"])
WORDS = st.lists(st.one_of(ANYTHING, KNOWN))


def make_parser() -> Parser:
    parser = Parser(prog="program", add_help=False)
    parser.add_argument("operands", nargs="*")
    parser.add_argument("--value")
    parser.add_argument("--list", action="append")
    parser.add_argument("--switch", "-s", action="store_true")
    return parser


def expected(given_words: Sequence[str]) -> dict[str, Any] | None:
    """What the rules say; None for what they refuse."""
    values: dict[str, Any] = {"operands": [], "value": None, "list": None, "switch": False}
    values |= {"locked": False, "verbose": False}
    for flag, value in read(given_words, lambda flag: flag in ("--value", "--list")):
        takes_value = flag in ("--value", "--list")
        if not flag:
            values["operands"].append(value)
        elif flag not in ("--value", "--list", "--switch", "-s") or takes_value == (value is None):
            return None
        elif flag == "--list":
            values["list"] = [*(values["list"] or []), value]
        else:
            values[{"--value": "value"}.get(flag, "switch")] = value if takes_value else True
    return values


@given(WORDS)
@example(["--value=--"])
@example(["--value", "--", "x"])
@example(["--list=--", "--list=-x"])
@example(["--", "--", "--value"])
@example(["-1", "--value", "-1"])
@example(["-rf"])
@example(["--switch="])
@example(["--swi"])
def test_values_and_operands_arrive_as_they_were_given(given_words: list[str]) -> None:
    outcome = expected(given_words)
    if outcome is None:
        with pytest.raises(UsageError) as caught:
            make_parser().parse(given_words)
        assert "\0" not in str(caught.value)
    else:
        assert make_parser().parse(given_words) == outcome


@pytest.mark.parametrize("words", [["-sa"], ["-as"], ["-a", "-s"], ["-sas"]], ids=str)
def test_short_flags_may_be_joined(words: list[str]) -> None:
    parser = make_parser()
    parser.add_argument("-a", action="store_true", dest="other")
    values = parser.parse([*words, "x"])
    assert (values["switch"], values["other"], values["operands"]) == (True, True, ["x"])


def test_the_last_of_joined_flags_may_take_a_value() -> None:
    parser = make_parser()
    parser.add_argument("-f", dest="file")
    for words in (["-sf", "x"], ["-sf=x"]):
        values = parser.parse(words)
        assert (values["switch"], values["file"]) == (True, "x")
    with pytest.raises(UsageError):
        parser.parse(["-fs", "x"])


@pytest.mark.parametrize("word", ["--a", "-a", "--a-b=c\n", "--a=", "-rf", "--a2"])
def test_a_flag(word: str) -> None:
    assert is_flag(word)


@pytest.mark.parametrize("word", ["-", "--", "---a", "-1", "--1", "a", "", "-x(1)", "--\u00e9", "--a.b=c", "--a\n"])
def test_code_is_no_flag(word: str) -> None:
    assert not is_flag(word)


@pytest.mark.parametrize(
    ("word", "session", "path"),
    [
        ("work:a/b:c", "work", "a/b:c"),
        ("work:", "work", ""),
        ("./a:b", None, "./a:b"),
        (":a", None, ":a"),
        ("a", None, "a"),
        ("C:x", "C", "x"),
    ],
)
def test_paths_of_a_session(word: str, session: str | None, path: str) -> None:
    assert split_session_path(word) == (session, path)


def test_a_drive_is_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert split_session_path("C:x") == (None, "C:x")
