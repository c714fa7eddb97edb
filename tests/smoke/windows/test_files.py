"""Files of a session whose names Windows refuses or takes for others, long paths, and the folders of the user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.machine import Machine
    from support.processes import CommandLine

pytestmark = pytest.mark.nightly

REFUSED = ["NUL", "aux.txt", "COM1", "dot.", "blank ", "colon:stream", "star*", "GIT~1", "tab\t"]


@pytest.fixture
def work(emulator: CommandLine) -> Iterator[CommandLine]:
    yield emulator
    emulator.run("stop", "work")


def make(work: CommandLine, *names: str) -> None:
    """Make files in the folder `out` of a session, whose contents are their names."""
    code = f"import os\nfor name in {names!r}:\n os.makedirs(os.path.dirname('out/' + name), exist_ok=True)\n"
    done = work.run("exec", "work", "-", stdin=f"{code} open('out/' + name, 'w').write(name)".encode())
    assert (done.returncode, done.stdout) == (0, b""), done.stderr


def files(work: CommandLine) -> list[str]:
    return sorted(str(path.relative_to(work.home)) for path in work.home.rglob("*") if path.is_file())


def test_a_name_that_windows_takes_for_something_else_is_refused(work: CommandLine) -> None:
    make(work, *REFUSED)
    for name in REFUSED:
        done = work.run("cp", f"work:out/{name}", "down/")
        assert done.returncode == 125, name
        assert b"UnsafePath" in done.stderr, name
    assert work.run("cp", "work:out", "down").returncode == 125
    assert files(work) == []


def test_names_that_differ_in_case_only_do_not_replace_one_another(work: CommandLine) -> None:
    make(work, "Report.txt", "report.TXT")
    for words in (["cp"], ["cp", "--force"]):
        done = work.run(*words, "work:out", "down")
        assert done.returncode == 125
        assert b"UnsafePath" in done.stderr
    assert files(work) == []


def test_a_path_that_is_longer_than_windows_allows_unless_it_is_told_to(work: CommandLine) -> None:
    """On Windows with `LongPathsEnabled`, as hosted runners have it; wine has no such limit."""
    deep = "/".join(["a folder with a long name"] * 12) + "/file.txt"
    make(work, deep)
    assert work.run("cp", "work:out", "down").returncode == 0
    assert (work.home / "down" / deep).read_text() == deep
    assert work.run("cp", "down", "work:up").returncode == 0
    assert work.run("exec", "work", "--cmd", f"cat 'up/{deep}'").stdout.decode() == deep


def test_state_and_cache_are_folders_of_the_user(emulator: CommandLine, machine: Machine) -> None:
    del emulator.base["AGENTCORE_SANDBOX_STATE_DIR"]
    checks = {check["name"]: check for check in json.loads(emulator.run("doctor", "--json").stdout)["checks"]}
    assert checks["cache"]["message"].endswith(r"AppData\Local\agentcore-sandbox")
    assert checks["state"]["message"].endswith(r"\.local\state\agentcore-sandbox")
    assert [checks[name]["status"] for name in ("cache", "state")] == ["ok", "ok"]
    assert machine.is_windows
