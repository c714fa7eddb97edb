"""The archive of bytecode in the unpacked copy: it is used, it may be damaged, and many may write it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from support.processes import CommandLine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fault_server import FaultServer


@pytest.fixture
def caller(own: CommandLine, faults: FaultServer, tmp_path: Path) -> CommandLine:
    """This platform's zipapp with a cache of its own, against the fault server."""
    return CommandLine(own.command, own.home, {**own.base, **faults.environment, "XDG_CACHE_HOME": str(tmp_path)})


def archive(caller: CommandLine, tmp_path: Path) -> Path:
    """The archive that the second call has written."""
    for _ in range(2):
        assert caller.run("run", "x").stdout == b"hello"
    (found,) = tmp_path.glob("agentcore-sandbox/*/*.code")
    return found


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_index(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def no_code(content: bytes) -> bytes:
    """Everything behind the index is something else."""
    start = 24 + int.from_bytes(content[:8], "big")
    return content[:start] + b"\xff" * (len(content) - start)


def other_names(content: bytes) -> bytes:
    return content.replace(b"AgentcoreSandboxError", b"AgentcoreSandboxErrox")


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    "damage",
    [cut, *(pytest.param(one, marks=pytest.mark.nightly) for one in (flip_index, no_code, other_names, empty))],
)
def test_a_damaged_archive_is_passed_over_or_mended(
    caller: CommandLine, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = archive(caller, tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    for _ in range(2):
        done = caller.run("run", "x")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"")


@pytest.mark.nightly
def test_many_first_starts_leave_one_whole_archive(caller: CommandLine, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert {done.stdout for done in pool.map(lambda _: caller.run("run", "x"), range(4))} == {b"hello"}
    path = archive(caller, tmp_path)
    assert [found.name for found in path.parent.iterdir() if found.name != "site-packages"] == [path.name]
    assert path.stat().st_mode & 0o77 == 0


def test_files_beside_an_archived_module_are_found(caller: CommandLine, faults: FaultServer, tmp_path: Path) -> None:
    archive(caller, tmp_path)
    caller.run("run", "--follow", "x")
    assert any("reply(OPERATIONS)" in str(request.body) for request in faults.requests)  # the source of a helper
