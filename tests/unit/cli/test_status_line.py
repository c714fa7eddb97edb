"""The last line of a terminal: what it shows, and when."""

from __future__ import annotations

import os
import sys

import pytest

from agentcore_sandbox.cli.output import Output
from agentcore_sandbox.cli.status_line import line, spinner

SPINNERS = {0.0: "", 2.9: "", 3.0: "- running, 3 s", 9.9: "\\ running, 10 s", 700.0: "| running, 700 s"}


def test_a_spinner_comes_after_three_seconds_and_its_note_once() -> None:
    told: list[str] = []
    render = spinner("running", lambda: told.append("note"))
    assert {seconds: render(seconds) for seconds in SPINNERS} == SPINNERS
    render(10.0)
    assert told == ["note"]


@pytest.mark.parametrize(("variables", "is_possible"), [({}, True), ({"TERM": "dumb"}, False)], ids=str)
def test_nothing_is_shown_on_a_terminal_that_erases_no_line(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, is_possible: bool
) -> None:
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "__stderr__", terminal)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert line.is_possible() is is_possible


@pytest.mark.parametrize(
    ("variables", "takes_colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_colours_are_for_terminals_whose_user_has_not_declined(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, takes_colours: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    output = Output()
    assert not output.takes_colours
    output._stdout.is_terminal = True
    assert output.takes_colours is takes_colours
