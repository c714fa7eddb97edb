"""What is taken for a saved work folder: hostile archives, damaged ones, and whatever Hypothesis makes of them."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_sandbox.errors import AgentcoreSandboxError, UsageError
from agentcore_sandbox.session_helpers import archives
from agentcore_sandbox.transfer.archive import check

if TYPE_CHECKING:
    from collections.abc import Iterable

Member = tuple[str, bytes | None, dict[str, Any]]
"""A path, its content or None for a folder, and what else its header says."""


def tar(*members: Member, kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, content, header in members:
            member = tarfile.TarInfo(name)
            member.type = tarfile.REGTYPE if content is not None else tarfile.DIRTYPE
            member.size = len(content or b"")
            for key, value in header.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content or b""))
    return buffer.getvalue()


def packed(*members: Member) -> bytes:
    return gzip.compress(tar(*members), mtime=0)


def file(name: str, content: bytes = b"x", **header: Any) -> Member:
    return name, content, header


def special(kind: bytes, **header: Any) -> bytes:
    return packed(("x", None, {"type": kind, **header}))


def bomb(size: int) -> bytes:
    """A member of so many zeros, made without having them at once."""
    member = tarfile.TarInfo("zeros")
    member.size = size
    squeeze = zlib.compressobj(9, wbits=31)
    pieces = [squeeze.compress(member.tobuf()), *(squeeze.compress(bytes(1 << 20)) for _ in range(size >> 20))]
    return b"".join([*pieces, squeeze.flush()])


def long_header(kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, size
    return gzip.compress(member.tobuf(format=tarfile.GNU_FORMAT) + bytes(1 << 20))


def recursion() -> bytes:
    """A thousand headers, each of which is about the next."""
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 2
    return gzip.compress((member.tobuf() + b"y\0".ljust(512, b"\0")) * 3000)


def negative() -> bytes:
    """A size below zero, as GNU writes numbers that need more digits."""
    header = bytearray(tarfile.TarInfo("x").tobuf())
    header[124:136] = b"\xff" * 11 + b"\xf6"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header) + bytes(10240))


GOOD = packed(("a", None, {"mode": 0o750}), file("a/b"), file("./c", b"", mode=0o4755), ("./", None, {}))
HOSTILE = {
    "symbolic link": (special(tarfile.SYMTYPE, linkname="/etc/passwd"), "'x' is a symbolic link"),
    "hard link": (special(tarfile.LNKTYPE, linkname="a"), "'x' is a hard link"),
    "character device": (special(tarfile.CHRTYPE, devmajor=1, devminor=3), "'x' is a device"),
    "block device": (special(tarfile.BLKTYPE, devmajor=8), "'x' is a device"),
    "pipe": (special(tarfile.FIFOTYPE), "'x' is a named pipe"),
    "contiguous file": (special(tarfile.CONTTYPE), "'x' is of an unknown kind"),
    "unknown kind": (special(b"Z"), "of an unknown kind"),
    "folder above": (packed(file("../x")), "is not a path inside"),
    "folder above, deeper": (packed(file("a/../../x")), "is not a path inside"),
    "folder above itself": (packed(("..", None, {})), "is not a path inside"),
    "absolute": (packed(file("/etc/x")), "is not a path inside"),
    "absolute, behind a dot": (packed(file(".//etc/x")), "is not a path inside"),
    "dot inside": (packed(file("a/./x")), "is not a path inside"),
    "double slash": (packed(file("a//x")), "is not a path inside"),
    "work folder as a file": (packed(file(".")), "is there twice"),
    "long name": (packed(file("x" * 256)), "is not a path inside"),
    "zero in a name": (packed(file("x", pax_headers={"path": "a\0b"})), "is not a path inside"),
    "many levels": (packed(file("/".join("x" * 257))), "is not a path inside"),
    "our own folder": (packed(file(".agentcore-sandbox/answer-1")), "is not a path inside"),
    "our own folder, behind a dot": (packed(file("./.agentcore-sandbox/answer-1")), "is not a path inside"),
    "twice": (packed(file("x"), file("./x")), "is there twice"),
    "file for a folder": (packed(file("x"), file("x/y")), "is there twice, or in place of a folder"),
    "folder for a file": (packed(file("x/y"), file("x")), "is there twice"),
    "sparse": (packed(file("x", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})), ""),
    "sparse of old": (special(tarfile.GNUTYPE_SPARSE), ""),
    "negative size": (negative(), "has no valid size"),
    "negative size in words": (packed(file("x", pax_headers={"size": "-5"})), ""),
    "huge size in words": (packed(file("x", pax_headers={"size": "99999999999999"})), "holds more than"),
    "bomb": (bomb(20 << 20), "holds more than 10485760 bytes"),
    "bomb of a name": (long_header(tarfile.GNUTYPE_LONGNAME, 1 << 33), "a header is too long"),
    "bomb of a header": (long_header(tarfile.XHDTYPE, 1 << 33), "a header is too long"),
    "bomb of headers for all": (long_header(tarfile.XGLTYPE, 1 << 20), "a header is too long"),
    "headers without end": (recursion(), "it is damaged"),
    "something behind": (gzip.compress(tar(file("x")) + b"more"), "something behind its end"),
    "zeros behind": (gzip.compress(tar(file("x")) + bytes(2 << 20)), "something behind its end"),
    "no gzip": (tar(file("x")), "no archive of tar and gzip"),
    "no tar": (gzip.compress(b"x" * 1000), "no archive of tar and gzip"),
    "empty": (b"", "no archive of tar and gzip"),
    "cut": (GOOD[:-9], "it is damaged"),
    "changed": (GOOD[:-8] + bytes(8), "it is damaged"),
}
MOST = 10 << 20


@pytest.mark.parametrize(("content", "told"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_and_damaged_archives_are_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    with pytest.raises(AgentcoreSandboxError) as refusal:
        check(path, MOST)
    assert refusal.value.code == "BadArchive"
    assert told in refusal.value.message
    assert list(tmp_path.iterdir()) == [path]


def test_a_plain_archive_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(GOOD)
    found = check(path)
    assert (found.size, found.files, found.content_size) == (len(GOOD), 2, 1)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 10)
    path = tmp_path / "x.tar.gz"
    path.write_bytes(packed(*(file(str(number)) for number in range(12))))
    with pytest.raises(AgentcoreSandboxError, match="10 files and folders"):
        check(path)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises((UsageError, AgentcoreSandboxError)):
            check(tmp_path / name)
    with pytest.raises(UsageError, match="no such file"):
        check(tmp_path / "nothing")


pieces = st.sampled_from(["a", "b", "/", ".", "..", "\n", "é", "\0", ".agentcore-sandbox"])
names = st.lists(pieces, max_size=6).map("".join)
kinds = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])


def made(name: str, kind: bytes, data: bytes, link: str) -> Member:
    return name, data if kind == tarfile.REGTYPE else None, {"type": kind, "linkname": link}


def inside(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if not path.is_dir())


@given(st.lists(st.tuples(names, kinds, st.binary(max_size=9), names), max_size=5))
def test_whatever_is_taken_arrives_in_the_work_folder_and_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes, bytes, str]]
) -> None:
    outer = tmp_path_factory.mktemp("x")
    work = outer / "work"
    staging = work / ".agentcore-sandbox" / "transfer-1"
    staging.mkdir(parents=True)
    content = packed(*(made(*member) for member in members))
    source = outer / "x.tar.gz"
    source.write_bytes(content)
    (staging / "part-0").write_bytes(content)
    previous = Path.cwd()
    os.chdir(work)
    try:
        checked = check(source)
        request = {"staging": str(staging.relative_to(work)), "parts": 1, "most": MOST, "force": False}
        archives.restore({**request, "sha256": checked.sha256})
    except AgentcoreSandboxError:
        assert list(inside(work)) == [staging / "part-0"]
    else:
        assert not staging.exists()
        files = [(name, data) for name, kind, data, _ in members if kind == tarfile.REGTYPE]
        wanted = {name.removeprefix("./").rstrip("/"): data for name, data in files}
        assert {str(path.relative_to(work)): path.read_bytes() for path in inside(work)} == wanted
        assert not any(path.is_symlink() for path in work.rglob("*"))
    finally:
        os.chdir(previous)
    assert sorted(outer.iterdir()) == [work, source]


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, at: int, change: int
) -> None:
    path = tmp_path_factory.mktemp("x") / "x.tar.gz"
    path.write_bytes(GOOD[:at] + bytes([GOOD[at] ^ change]) + GOOD[at + 1 :])
    taken = None
    with suppress(AgentcoreSandboxError):
        taken = check(path)
    if taken:
        assert (taken.files, taken.content_size) == (2, 1)
        assert at in range(3, 10)  # flags that say nothing, the time, the system


def test_the_session_looks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is not this one may have sent it, and what is in the way may lead out."""
    monkeypatch.chdir(tmp_path)
    own = ".agentcore-sandbox/transfer-1"
    request = {"staging": own, "parts": 1, "most": MOST, "force": True}
    for content, sha, told in (
        (packed(file("../x")), None, "the archive is not taken"),
        (packed(file("link/x")), None, "a symbolic link is on the way"),
        (packed(file("folder")), None, "File exists"),
        (packed(("link", None, {})), None, "no folder"),
        (GOOD, "0" * 64, "missing or damaged"),
    ):
        staging = tmp_path / own
        staging.mkdir(parents=True)
        (staging / "part-0").write_bytes(content)
        (tmp_path / "folder").mkdir(exist_ok=True)
        if not (tmp_path / "link").is_symlink():
            (tmp_path / "link").symlink_to("/etc")
        digest = sha or archives._digest_of([str(staging / "part-0")])
        with pytest.raises(OSError, match=told):
            archives.restore({**request, "sha256": digest})
        assert not staging.exists()
