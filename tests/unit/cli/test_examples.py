"""Each command's help teaches by examples, and each example is right."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from agentcore_sandbox.cli import dispatch as command_line
from agentcore_sandbox.cli.examples import EXAMPLES
from support.examples import parses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.in_process import Run
    from support.processes import CommandLine


def commands() -> Iterator[str]:
    for name in command_line.COMMANDS:
        if name != "help":
            module = importlib.import_module(f"agentcore_sandbox.commands.{name}")
            yield from [f"{name} {below}" for below in getattr(module, "SUBCOMMANDS", ())] or [name]


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == set(commands())


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_parse_and_are_shown(cli: CommandLine, in_process: Run, command: str) -> None:
    shown = in_process(cli, "help", *command.split()).stdout.decode()
    for example in EXAMPLES[command]:
        assert f"\n  {example}\n" in shown
        assert parses(example)
