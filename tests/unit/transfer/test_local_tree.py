"""Names from the sandbox never lead out of the target folder, and no file is replaced or half-written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.atomic_files import staging_folder
from agentcore_sandbox.errors import AgentcoreSandboxError
from agentcore_sandbox.transfer import local_tree
from agentcore_sandbox.transfer.download import cut
from agentcore_sandbox.transfer.local_tree import Destination, IncomingFile, safe_parts
from agentcore_sandbox.transfer.upload import Upload

HOSTILE = ["..", "../x", "a/../../x", "/etc/passwd", "a//b", ".", "a/./b", "a\0b", "x" * 300, "a/", "/", "\ud800"]


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_names_are_refused(path: str) -> None:
    with pytest.raises(AgentcoreSandboxError) as caught:
        safe_parts(path)
    assert caught.value.code == "UnsafePath"


@given(st.text(max_size=40))
def test_whatever_is_not_refused_stays_inside(path: str) -> None:
    try:
        parts = safe_parts(path)
    except AgentcoreSandboxError:
        return
    whole = os.path.normpath(Path("/base").joinpath(*parts))
    assert whole == "/base" or (whole.startswith("/base/") and ".." not in whole.split("/"))


@pytest.mark.parametrize("name", ["ü b", "a.txt", "...", "-rf", "\udcff", "a\nb", "~"])
def test_unusual_names_are_names(name: str) -> None:
    assert safe_parts(f"folder/{name}") == ("folder", name)


DEVICES = ["NUL", "con", "aux.txt", "Com1", "LPT9.tar.gz", "COM¹", "nul .x", "CONIN$", "prn."]


@pytest.mark.parametrize(
    "name", [*DEVICES, "a.", "a ", "a:b", "a\\b", "a?", "a\nb", "\x1b", ".git.", "GIT~1", "CLAUDE~1.MD", "a~12.b", ""]
)
def test_what_windows_would_take_for_something_else_is_no_name_there(name: str) -> None:
    assert not local_tree.is_windows_name(name)


@pytest.mark.parametrize(
    "name", ["con1", "console", "nul-x", "COM", "com10", "a.b.c", "~a", "notes~1.backup", ".git", "ü"]
)
def test_what_windows_takes_for_a_name(name: str) -> None:
    assert local_tree.is_windows_name(name)


def write(destination: Destination, data: bytes = b"new", *, force: bool = False) -> None:
    with staging_folder(destination.base) as staging:
        incoming = IncomingFile(destination, 0o644, staging)
        incoming.write(data)
        incoming.close()
        incoming.publish(force=force)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "link").symlink_to(outside)
    destination = Destination(tmp_path / "base", ("link", "file"))
    with pytest.raises(AgentcoreSandboxError, match="symbolic link"):
        destination.check(folder=False, force=True)
    with pytest.raises(AgentcoreSandboxError, match="symbolic link"):
        write(destination, force=True)
    with pytest.raises(AgentcoreSandboxError, match="symbolic link"):
        Destination(destination.base, ("link", "folder")).make_folder()
    assert list(outside.iterdir()) == []


def test_a_link_with_the_name_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(AgentcoreSandboxError):
        write(Destination(tmp_path, ("link",)))
    write(Destination(tmp_path, ("link",)), force=True)
    assert ((tmp_path / "outside").read_text(), (tmp_path / "link").read_text()) == ("old", "new")


def test_no_file_is_replaced_without_leave(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(AgentcoreSandboxError) as caught:
        write(Destination(tmp_path, ("file",)))
    assert caught.value.code == "FileExists"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize("force", [False, True])
def test_a_device_or_a_folder_is_not_replaced_by_a_file(tmp_path: Path, *, force: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(AgentcoreSandboxError, match="exists and is"):
            Destination(tmp_path, (name,)).check(folder=False, force=force)


def test_an_incoming_file_has_another_name_and_leaves_nothing(tmp_path: Path) -> None:
    destination = Destination(tmp_path, ("a", "file"))
    assert destination.above.make_folder() == [tmp_path / "a"]
    with staging_folder(tmp_path) as staging:
        IncomingFile(destination, 0o4777, staging).write(b"half")
        assert list((tmp_path / "a").iterdir()) == []
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_permissions_have_no_special_bits(tmp_path: Path) -> None:
    with staging_folder(tmp_path) as staging:
        incoming = IncomingFile(Destination(tmp_path, ("file",)), 0o6755, staging)
        incoming.close()
        incoming.publish(force=False)
    assert (tmp_path / "file").stat().st_mode & 0o7000 == 0
    assert (tmp_path / "file").stat().st_mode & 0o100


def test_links_that_a_glob_finds_are_not_sent_and_named_ones_are(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("wanted")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    found = Upload([str(tmp_path / "*")], "").roots()
    assert [(root.name, root.skipped) for root in found] == [
        ("file", {}),
        ("", {str(tmp_path / "link"): "a symbolic link"}),
    ]
    [named] = Upload([str(tmp_path / "link")], "").roots()
    assert (named.name, len(named.sources), named.skipped) == ("link", 1, {})


def test_links_inside_a_folder_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    skipped: dict[str, str] = {}
    assert [source.parts for source in local_tree.walk(folder, skipped)] == [(), ("file",)]
    assert skipped == {str(folder / "link"): "a symbolic link"}


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 30))
def test_parts_hold_every_byte_once_in_order(sizes: list[int], limit: int) -> None:
    files = [os.urandom(size) for size in sizes]
    parts = list(cut(sizes, limit))
    joined = [b""] * len(sizes)
    for part in parts:
        assert 0 < sum(piece.length for piece in part) <= limit
        for piece in part:
            joined[piece.file] += files[piece.file][piece.offset : piece.offset + piece.length]
    assert joined == files


def test_base_names() -> None:
    cases = {"a/b": "b", "a/b/": "b", ".": "", "a/.": "", "/": "", "..": "", "b": "b"}
    assert {path: local_tree.base_name(path) for path in cases} == cases
