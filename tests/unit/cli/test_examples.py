"""Each command's help teaches by examples, and each example is right."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.cli import dispatch as command_line
from support.examples import parses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.processes import CommandLine


def examples() -> Iterator[tuple[str, str]]:
    """Each command, of a family each subcommand, with each of its examples."""
    for name in command_line.COMMANDS:
        if name != "help":
            module = importlib.import_module(f"agentcore_sandbox.commands.{name}")
            family = getattr(module, "SUBCOMMANDS", None)
            commands = {f"{name} {below}": command.examples for below, command in family.items()} if family else {}
            for command, calls in (commands or {name: module.EXAMPLES}).items():
                assert calls, f"{command} has no example"
                yield from ((command, call) for call in calls)


@pytest.mark.parametrize(("command", "example"), list(examples()))
def test_examples_parse_and_are_shown(quick: CommandLine, command: str, example: str) -> None:
    shown = quick.run("help", *command.split()).stdout.decode()
    assert f"\n  {example}\n" in shown
    assert f"agentcore-sandbox {command}" in example
    assert parses(example)


def test_help_of_a_family_keeps_names_and_texts_apart(quick: CommandLine) -> None:
    for name in ("template", "job", "local"):
        family = importlib.import_module(f"agentcore_sandbox.commands.{name}").SUBCOMMANDS
        shown = quick.run("help", name).stdout.decode()
        assert all(f"\n  {below} " in shown for below in family)
