"""Escapes by attempt, as root and as a user without rights. Each attempt proves first that its target is there."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import host, sandboxes
from support.escapes import ATTEMPTS, BOMBS, failed, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.host import Host
    from support.sandboxes import Driver

LAST = "list the home"
"""Done once more after the bombs: the session is still there."""
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory(prefix="acs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def target(place: Path) -> Iterator[Host]:
    with host.targets(place) as target:
        yield target


@pytest.fixture(scope="module", params=[sandboxes.this_user, sandboxes.stranger], ids=["this user", "unprivileged"])
def results(request: pytest.FixtureRequest, place: Path, target: Host) -> Results:
    """What came of each attempt, all in one sandbox."""
    sandboxes.require_bubblewrap()
    make: Callable[[Path], Driver] = request.param
    folder = place / make.__name__
    folder.mkdir()
    driver = make(folder)
    calls = [("executeCode", {"code": program(name, target)}) for name in (*ATTEMPTS, *BOMBS, LAST)]
    session = target.other_session.parent / make.__name__
    answers = driver.run(session, calls, limits=host.LIMITS, MARKER=target.marker)["answers"]
    return dict(zip((*ATTEMPTS, *BOMBS, LAST), map(sandboxes.streams, answers), strict=True))


def test_the_targets_are_there(target: Host) -> None:
    """Outside of a sandbox the attempts succeed, so that their failure means something."""
    assert "secret" in (target.home / ".aws" / "credentials").read_text()
    assert target.secret.read_text() == "secret"
    assert "secret_key" in target.state.read_text()
    assert target.other_session.is_dir()
    os.kill(target.pid, 0)
    socket.create_connection(("127.0.0.1", target.port)).close()
    for address in (target.unix, f"\0{target.abstract}"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_it_cannot(results: Results, name: str) -> None:
    result = results[name]
    assert failed(name, result), result


@pytest.mark.parametrize("name", BOMBS)
def test_it_is_stopped_and_told(results: Results, name: str) -> None:
    assert BOMBS[name][1] in results[name]["stderr"], results[name]


def test_there_are_enough_attempts(results: Results) -> None:
    assert len(ATTEMPTS) + len(BOMBS) >= 70
    assert failed(LAST, results[LAST]), "the session is there after all of them"
