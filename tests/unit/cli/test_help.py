"""Every page of help fits a terminal of 80 columns, and no word is broken in the middle."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.cli import dispatch
from agentcore_sandbox.cli import help as help_pages

if TYPE_CHECKING:
    from support.processes import CommandLine

PAGES = [
    words
    for name in dispatch.COMMANDS
    if name != "help"
    for family in [getattr(importlib.import_module(f"agentcore_sandbox.commands.{name}"), "SUBCOMMANDS", ())]
    for words in ((name,), *((name, below) for below in family))
]


def page(quick: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], columns: int) -> str:
    monkeypatch.setattr(help_pages, "columns", lambda _descriptor: columns)
    done = quick.run("help", *words)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize("words", [(), *PAGES], ids=" ".join)
def test_a_page_fits(quick: CommandLine, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    at_80, at_40 = (page(quick, monkeypatch, words, columns) for columns in (80, 40))
    assert [line for line in at_80.splitlines() if len(line) > 80 and "arn:" not in line] == []
    assert set(at_80.split()) == set(at_40.split())  # whole words in both
    assert not re.search(r"[^ ] {2,}[^ ]+[a-z]-\n", at_80)


@pytest.mark.parametrize("words", [["help", "--help"], ["help", "help"], ["help", "-h"], ["help"]], ids=" ".join)
def test_help_on_help(quick: CommandLine, words: list[str]) -> None:
    done = quick.run(*words)
    assert (done.returncode, done.stdout) == (0, quick.run("--help").stdout)
