"""Long runs of what tests/cli/test_no_internal.py tries in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from support.fault_server import SESSION
from support.hostile_service import CASES, check_no_bug

if TYPE_CHECKING:
    from support.fault_server import FaultServer
    from support.processes import CommandLine

COMMANDS = [
    ["run", "1"],
    ["exec", SESSION, "--follow", "1"],
    ["sessions", "--all"],
    ["start", "--name", "work"],
    ["ls", SESSION],
    ["cp", f"{SESSION}:a", "out/"],
    ["job", "start", "1"],
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CASES)
def test_whatever_the_service_answers(
    aws: CommandLine, faults: FaultServer, words: list[str], case: tuple[str, list[bytes], Any]
) -> None:
    check_no_bug(aws, faults, words, case)
