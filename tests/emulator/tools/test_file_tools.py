"""The file tools: every name and content arrives unchanged, and nothing outside the work directory can be named."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

import pytest

from agentcore_emulator.limits import Limits
from agentcore_emulator.tools import files
from support import sandboxes
from support.sandboxes import Session, failure

LIMIT = 1 << 20
LIMITS = Limits(payload_bytes=LIMIT)
TRAVERSAL = "Invalid file path: potential path traversal detected"


def write(session: Session, **contents: bytes) -> dict[str, Any]:
    files = [{"path": path, "blob": base64.b64encode(content).decode()} for path, content in contents.items()]
    return session.invoke("writeFiles", content=files)


def read(session: Session, path: str) -> dict[str, Any]:
    payload = session.invoke("readFiles", paths=[path])
    assert not payload["isError"], payload
    resource: dict[str, Any] = payload["content"][0]["resource"]
    return resource


@pytest.mark.parametrize(
    "path",
    [
        "plain",
        "a b",
        "-dash",
        "new\nline",
        "é☃",
        "a/b/c/deep",
        ".hidden",
        "./dot",
        "x" * 255,
        "'quote\"",
        "\x1b[31m",
        "c//d",
    ],
)
def test_names(session: Session, path: str) -> None:
    assert not session.invoke("writeFiles", content=[{"path": path, "text": path}])["isError"]
    resource = read(session, path)
    assert resource["text"] == path
    assert resource["uri"] == "file:///" + os.path.normpath(path)
    assert not session.invoke("removeFiles", paths=[path])["isError"]
    assert failure(session.invoke("readFiles", paths=[path])).endswith(" not found")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"no\r\nchange\n\n", "é☃".encode(), b"\0", b"\xff\xfe", bytes(range(256)) * 999]
)
def test_contents(session: Session, content: bytes) -> None:
    write(session, contents=content)
    resource = read(session, "contents")
    arrived = resource["text"].encode() if resource["type"] == "text" else base64.b64decode(resource["blob"])
    assert arrived == content
    assert f"{len(content)} contents" in session.command("wc -c contents")["stdout"]


@pytest.mark.parametrize(
    ("name", "content", "kind", "mime_type"),
    [
        ("a.csv", b"1,2", "text", "text/csv"),
        ("a.json", b"{}", "text", "application/json"),
        ("a.py", b"", "text", "text/x-python"),
        ("a.png", b"\x89PNG", "blob", "image/png"),
        ("noext", b"text", "text", "text/plain"),
        ("noext", b"\xff", "blob", "application/octet-stream"),
    ],
)
@pytest.mark.aws("assumed", "Files", "readFiles returns text for whatever is UTF-8, a blob for all else")
def test_types(session: Session, name: str, content: bytes, kind: str, mime_type: str) -> None:
    write(session, **{name: content})
    resource = read(session, name)
    assert (resource["type"], resource["mimeType"]) == (kind, mime_type)


@pytest.mark.parametrize(
    "path", ["../x", "..", "a/../../x", "a/../b", "/etc/passwd", "/", "/opt/amazon/x", "/var/x", "./.."]
)
@pytest.mark.parametrize("tool", ["readFiles", "removeFiles", "writeFiles", "listFiles"])
@pytest.mark.aws("recorded", "Files", "Paths that lead out of the work folder are refused")
def test_paths_outside(session: Session, tool: str, path: str) -> None:
    written = [{"path": path, "text": ""}]
    given: dict[str, Any] = {"writeFiles": {"content": written}, "listFiles": {"path": path}}
    assert failure(session.invoke(tool, **given.get(tool, {"paths": [path]}))).endswith(TRAVERSAL)


def test_an_absolute_path_inside_is_taken(session: Session) -> None:
    path = "/opt/amazon/genesis1p-tools/var/absolute"
    session.invoke("writeFiles", content=[{"path": path, "text": "x"}])
    assert read(session, path)["uri"] == "file:///absolute"


def test_all_tools_see_the_same_files(session: Session) -> None:
    session.invoke("writeFiles", content=[{"path": "shared", "text": "1"}])
    session.out("text = open('shared').read()\n_ = open('shared', 'a').write('2')")
    session.command("printf 3 >> shared")
    assert read(session, "shared")["text"] == "123"


@pytest.mark.aws("assumed", "Files", "removeFiles removes all files, or none where one is missing")
def test_one_missing_file_fails_the_whole_call(session: Session) -> None:
    write(session, there=b"")
    for tool in ("readFiles", "removeFiles"):
        text = failure(session.invoke(tool, paths=["there", "gone"]))
        assert text.endswith("File gone not found")
    assert read(session, "there")["text"] == ""


@pytest.mark.aws("assumed", "Files", "listFiles follows links")
def test_listing(session: Session) -> None:
    session.command(
        "mkdir -p folder/.hidden folder/inner; touch folder/a.txt; ln -s inner folder/link; ln -s gone folder/dead"
    )
    given: list[dict[str, Any]] = [{"path": "folder"}, {"directoryPath": "folder"}]
    for arguments in given:
        payload = session.invoke("listFiles", **arguments)
        found = {block["name"]: block for block in payload["content"]}
        assert {name for name, block in found.items() if block["description"] == "Directory"} == {
            ".hidden",
            "inner",
            "link",
        }
        assert found["a.txt"] == {
            "type": "resource_link",
            "mimeType": "text/plain",
            "uri": "file:///folder/a.txt",
            "name": "a.txt",
            "description": "File",
        }
        assert "dead" in found
    assert failure(session.invoke("listFiles", path="nowhere")).endswith("File nowhere not found")
    assert "Not a directory" in failure(session.invoke("listFiles", path="folder/a.txt"))


def test_names_that_are_no_unicode_are_listed(session: Session) -> None:
    session.command("mkdir odd; touch odd/$(printf '\\377')")
    assert [block["name"] for block in session.invoke("listFiles", path="odd")["content"]] == ["\ufffd"]


@pytest.mark.parametrize(
    ("make", "path", "reason"),
    [
        ("mkfifo pipe", "pipe", "Not a regular file"),
        ("mkdir directory", "directory", "Not a regular file"),
        ("ln -s /dev/zero zero", "zero", "Not a regular file"),
        ("ln -s loop loop", "loop", "Too many levels of symbolic links"),
        ("touch secret; chmod 0 secret", "secret", "Permission denied"),
        (f"truncate -s {LIMIT + 1} large", "large", f"The file has {LIMIT + 1} bytes"),
        ("truncate -s 1G sparse", "sparse", "The file has 1073741824 bytes"),
    ],
)
def test_what_cannot_be_read(session: Session, make: str, path: str, reason: str) -> None:
    session.command(make)
    assert reason in failure(session.invoke("readFiles", paths=[path]))


def test_several_files_together_have_a_limit(session: Session) -> None:
    session.command(f"truncate -s {LIMIT - 10} one two")
    assert not session.invoke("readFiles", paths=["one"])["isError"]
    assert "bytes in all" in failure(session.invoke("readFiles", paths=["one", "two"]))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("file/below", "File exists: file"),
        ("folder2", "Is a directory"),
        ("x" * 256, "File name too long"),
        ("x/" * 1500 + "x", "File name too long"),
        ("unread", "Not a regular file"),
        ("read", "Not a regular file"),
        ("socket", "Not a regular file"),
    ],
)
def test_what_cannot_be_written(session: Session, path: str, reason: str) -> None:
    """Nor is it waited for."""
    session.command("touch file; mkdir -p folder2; rm -f unread read socket; mkfifo unread read")
    session.out(
        "import os, socket\nreader = os.open('read', os.O_RDONLY | os.O_NONBLOCK)\nsocket.socket(1).bind('socket')"
    )
    assert reason in failure(session.invoke("writeFiles", content=[{"path": path, "text": "x"}]))


def test_a_payload_above_the_limit(session: Session) -> None:
    text = failure(write(session, x=bytes(LIMIT + 1)))
    assert f"The files have {LIMIT + 1} bytes, at most {LIMIT} can be written at once" in text


@pytest.mark.aws("assumed", "Files", "removeFiles removes no folders")
def test_folders_are_not_removed(session: Session) -> None:
    session.command("mkdir -p kept")
    assert "Is a directory" in failure(session.invoke("removeFiles", paths=["kept"]))


@pytest.mark.aws("assumed", "Files", "24 MiB can be read at once")
def test_fifty_megabytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    content = os.urandom(1 << 20) * 50
    with sandboxes.start(tmp_path_factory.mktemp("large") / "sandbox") as session:
        assert not write(session, large=content)["isError"]
        counted = session.invoke("executeCommand", command="sha256sum < large")["structuredContent"]["stdout"]
        assert counted.split()[0] == hashlib.sha256(content).hexdigest()
        refused = session.invoke("readFiles", paths=["large"])["content"][0]["text"]
        assert "has 52428800 bytes, at most 25165824 can be read at once" in refused


def test_one_file_cannot_be_read_so_often_that_it_takes_the_memory(session: Session) -> None:
    session.command(f"truncate -s {LIMIT} one")
    assert "bytes in all" in failure(session.invoke("readFiles", paths=["one"] * 10_000))


def test_long_names_are_not_listed_without_end(session: Session) -> None:
    """As JSON they took the server most of a gigabyte."""
    session.out(
        "import os\nos.mkdir('long')\n"
        "for number in range(20_000): os.close(os.open(b'long/' + b'\\xff' * 230 + b'%d' % number, 65))"
    )
    assert "The folder's names have more than" in failure(session.invoke("listFiles", path="long"))


@pytest.mark.aws("assumed", "Files", "A folder of more than 100,000 entries is refused")
def test_a_listing_is_bounded(tmp_path_factory: pytest.TempPathFactory) -> None:
    with sandboxes.start(tmp_path_factory.mktemp("many") / "sandbox") as session:
        code = (
            f"import os\nos.mkdir('many')\nfor number in range({files.MAX_ENTRIES + 1}): os.mknod(f'many/{{number}}')"
        )
        assert not session.invoke("executeCode", code=code)["isError"]
        refused = session.invoke("listFiles", path="many")["content"][0]["text"]
        assert f"The folder has more than {files.MAX_ENTRIES} entries: many" in refused
        session.invoke("removeFiles", paths=["many/0"])
        assert len(session.invoke("listFiles", path="many")["content"]) == files.MAX_ENTRIES
