"""More files cost more bytes and hardly more requests; `nox -s bench -- growth` measures it with 10,000."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.copies import ok, tree
from support.local import Local, invokes, local_line, logging_service

if TYPE_CHECKING:
    from pathlib import Path

    from support.processes import CommandLine


def copy_there_and_back(local: Local, count: int) -> None:
    """Copy a folder of small files into the session and out of it."""
    folder = local.home / f"with-{count}"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"{number}\n")
    ok(local, "cp", folder.name, "work:")
    ok(local, "cp", f"work:{folder.name}", "back/")
    assert tree(local.home / "back" / folder.name) == tree(folder)


def test_a_hundred_times_the_files_take_less_than_twice_the_requests(quick: CommandLine, tmp_path: Path) -> None:
    local = local_line(quick, tmp_path)
    with logging_service(local) as log:
        local.text("start", "--name", "work")
        copy_there_and_back(local, 3)
        few = len(invokes(log))
        copy_there_and_back(local, 300)
        assert len(invokes(log)) - few < 2 * few
