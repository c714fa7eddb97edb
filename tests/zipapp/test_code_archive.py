"""The archives in the unpacked copy: they are used, they may be damaged, and many may write them at once."""

from __future__ import annotations

import _imp
import _sre  # type: ignore[import-not-found] # typeshed lacks it
import marshal
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

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
    files = [found for found in path.parent.iterdir() if found.name != "site-packages"]
    assert {file.suffix for file in files} == {".code", ".patterns"}
    assert not any(file.stat().st_mode & 0o77 for file in files)


def test_files_beside_an_archived_module_are_found(caller: CommandLine, faults: FaultServer, tmp_path: Path) -> None:
    archive(caller, tmp_path)
    caller.run("run", "--follow", "x")
    assert any("reply(OPERATIONS)" in str(request.body) for request in faults.requests)  # the source of a helper


def patterns(caller: CommandLine, tmp_path: Path) -> Path:
    return archive(caller, tmp_path).with_suffix(".patterns")


def known(path: Path) -> dict[tuple[str | bytes, int], Any]:
    found: dict[tuple[str | bytes, int], Any] = marshal.loads(path.read_bytes()[8:])[1]  # noqa: S302 - its own
    return found


def test_patterns_from_the_archive_are_those_that_python_compiles(caller: CommandLine, tmp_path: Path) -> None:
    found = known(patterns(caller, tmp_path))
    assert len(found) > 100
    for (pattern, flags), arguments in found.items():
        kept: re.Pattern[Any] = _sre.compile(pattern, *arguments)
        compiled: re.Pattern[Any] = re.compile(pattern, flags)
        assert (kept, kept.groupindex, kept.groups) == (compiled, compiled.groupindex, compiled.groups)


def test_a_start_compiles_no_pattern_that_is_known_and_keeps_none_of_a_users(
    caller: CommandLine, tmp_path: Path
) -> None:
    path = patterns(caller, tmp_path)
    path.unlink()
    caller.run("run", "--upload", f"{tmp_path}/*.quokka", "x")
    caller.run("run", "--download", "*.quokka:out", "x")
    before = path.read_bytes()
    caller.run("run", "x")
    assert path.read_bytes() == before
    assert not any("quokka" in str(pattern) for pattern, _ in known(path))


def of_another_python(content: bytes) -> bytes:
    magic, entries = marshal.loads(content[8:])  # noqa: S302 - its own
    other = marshal.dumps((magic + 1, {key: (0, [], 0, {}, ()) for key in entries}))
    return _imp.source_hash(0, other) + other


def flip_the_end(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [flip_the_end, of_another_python, cut, empty])
def test_damaged_patterns_are_passed_over_and_written_anew(
    caller: CommandLine, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = patterns(caller, tmp_path)
    whole = known(path)
    path.write_bytes(damage(path.read_bytes()))
    done = caller.run("run", "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello", b"")
    assert len(known(path)) > len(whole) / 2
