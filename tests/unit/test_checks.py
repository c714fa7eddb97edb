"""The runner of `doctor`'s checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentcore_sandbox.checks import FAILURE, OK, Outcome, examine, ok, program
from agentcore_sandbox.errors import AgentcoreSandboxError

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_zipapp_that_was_installed_under_the_name_that_readme_gives_is_no_launcher(tmp_path: Path) -> None:
    zipapp = tmp_path / "bin" / "agentcore-sandbox"
    zipapp.parent.mkdir()
    zipapp.write_bytes(b"PK")
    installation = program.Installation(zipapp, tmp_path)
    outcomes = [check(installation) for check in (program.launcher, program.checksum)]
    assert [outcome.status for outcome in outcomes] == [OK, OK]
