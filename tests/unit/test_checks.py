"""The runner of `doctor`'s checks."""

from __future__ import annotations

from agentcore_sandbox.checks import FAILURE, OK, Outcome, examine, ok
from agentcore_sandbox.errors import AgentcoreSandboxError


def refuse(_subject: object) -> Outcome:
    raise AgentcoreSandboxError("Code", "no", "do this")


def break_down(_subject: object) -> Outcome:
    raise KeyError("https://user:SECRET@host")


def test_a_check_that_fails_ends_no_other() -> None:
    checks = {"refused": refuse, "broken": break_down, "well": lambda _subject: ok("fine")}
    found = {finding.name: finding.outcome for finding in examine(checks, None)}
    assert {name: outcome.status for name, outcome in found.items()} == {
        "refused": FAILURE,
        "broken": FAILURE,
        "well": OK,
    }
    assert (found["refused"].message, found["refused"].remedy) == ("no", "do this")
    assert "KeyError" in found["broken"].message
    assert "SECRET" not in found["broken"].message
